"""Warm-up, restarts and learning-rate scaling."""
