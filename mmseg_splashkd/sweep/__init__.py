"""Many runs of one question: every ratio, fold and seed, on any number of machines."""
