"""Learning-rate schedules: one file each, with a `factor` of the peak.

Progress is the share of the run that is over, in (0, 1), so that a schedule means the same for
10 epochs as for 110, and can be compressed.
"""
