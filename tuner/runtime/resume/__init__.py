"""Resuming a study: its state, whether a plan fits it, its Optuna study and warm starts."""
