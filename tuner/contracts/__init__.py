"""What the members of each group must do; custom files are checked by it (`tuner.check`)."""
