"""What a study keeps fixed: one complete, named configuration a file, each with a `recipe`."""
