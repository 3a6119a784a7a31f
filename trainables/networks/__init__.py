"""What is put around or done to a network: normalization, heads, precision, averaging, the folded view."""
