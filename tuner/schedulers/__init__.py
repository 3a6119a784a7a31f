"""What stops trials early: one file each, with a `build`."""
