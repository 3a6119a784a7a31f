"""Hyper-parameters ("knobs"): ranges, knobs read from signatures, and the registry of members."""
