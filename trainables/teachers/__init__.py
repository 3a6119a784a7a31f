"""Teachers: second networks that a method learns from, one file each, with a `build`."""
