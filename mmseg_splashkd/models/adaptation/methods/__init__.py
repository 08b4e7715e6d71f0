"""Methods of adaptation: what is trained on frames of the target."""
