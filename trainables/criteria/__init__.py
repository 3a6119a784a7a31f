"""Training losses per example: one file each, with a `loss`."""
