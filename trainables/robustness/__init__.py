"""The validation attack and the catastrophic-overfitting detector."""
