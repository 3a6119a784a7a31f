"""Weight averages, which are validated and saved: one file each, with a `build`."""
