"""Learning-rate schedules: one file each, with a `factor` of the peak.

Progress is the completed share of the run, so that schedules scale with the number of epochs.
"""
