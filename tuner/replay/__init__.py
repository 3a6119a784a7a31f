"""Searchers and schedulers on recorded runs, with a simulated clock.

Private: simulate, recordings.
"""
