"""Records of runs: settings, data, environment and results, one file per run."""
