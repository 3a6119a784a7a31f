"""Optimizers: one file each, with a `build`. Weight decay applies to every parameter."""
