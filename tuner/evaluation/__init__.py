"""Attacks on the test split: suites, checkpoints to attack, and the table of results.

Private: suites.
"""
