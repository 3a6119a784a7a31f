"""What wraps or changes a network: normalization, heads, precision, averaging, folding."""
