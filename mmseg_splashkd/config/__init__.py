"""Reading configs, and the checks of a config before anything is built."""
