"""The winner of a study as a folder for others: weights, model card, RobustBench entry.

Private: markdown.
"""
