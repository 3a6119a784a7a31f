"""Schedules of the training eps: one file each, with a `factor` of eps."""
