"""Records of runs: what was trained, on what, and what came out."""
