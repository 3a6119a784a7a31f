"""What a study varies: one file a space, each with a `space`; its docstring says whence the ranges."""
