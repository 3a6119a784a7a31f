"""Warm-up, restarts and scaling of learning rates."""
