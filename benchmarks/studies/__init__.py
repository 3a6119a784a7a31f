"""The studies that were run, one space each, and what came out."""
