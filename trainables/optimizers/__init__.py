"""What takes the steps: one file each, with a `build`. Weight decay reaches every parameter."""
