"""From trained weights to a file that runs without MMSegmentation."""
