"""Experiment trackers, `tracker=NAME`: one per file, each with a function `build`."""
