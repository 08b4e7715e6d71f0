"""A model of one camera for another one, and signs of whether that went well."""
