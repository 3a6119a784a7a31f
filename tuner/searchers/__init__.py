"""Searchers: one per file, each with a `build` that returns an Optuna sampler."""
