"""What a study varies: one file a space, each with a `space`. Its docstring tells the ranges' source."""
