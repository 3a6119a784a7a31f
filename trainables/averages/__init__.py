"""Which weights are examined and kept: one file each, with a `build`."""
