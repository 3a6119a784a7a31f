"""How much of the radius training attacks with: one file each, with a `factor` of eps."""
