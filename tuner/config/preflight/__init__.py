"""Checks before a study starts: its cost, and whether it fits the machine.

Private: representative, timing.
"""
