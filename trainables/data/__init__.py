"""Data sets: one file each, with a `load` and `RECIPE`, the name of the default recipe."""
