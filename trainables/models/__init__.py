"""Networks: one file each, with a `build` for images of any size that it can take."""
