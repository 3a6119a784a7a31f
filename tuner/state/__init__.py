"""The state of trials and of a study in memory. No files, no Ray, no torch."""
