"""Diagnostics of checkpoints: one file per diagnostic, each with a function `measure`."""
