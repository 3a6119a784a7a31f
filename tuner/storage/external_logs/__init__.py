"""Training logs of other repositories, read as results frames."""
