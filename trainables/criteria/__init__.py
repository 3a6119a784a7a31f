"""Losses of the weights, per example: one file each, with a `loss`."""
