"""Data sets: one file each, with a `load` and the name of the `RECIPE` that suits it."""
