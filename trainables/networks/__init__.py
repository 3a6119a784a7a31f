"""Changes to any network: normalization, heads, precision, averaging, folding."""
