"""Inner maximisers: one file an attack, each with a `perturb`."""
