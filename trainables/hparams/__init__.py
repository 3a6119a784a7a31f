"""Hyperparameters: ranges, knobs read from signatures, and the registry of members."""
