"""Networks: one file each, with a `build` for any image size that the network supports."""
