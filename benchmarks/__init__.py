"""Benchmarks: one command per file, with its results as JSON beside it."""
