"""What a study varies: one file a space, each with a `space`; its docstring tells the source."""
