"""Threat models: one file a norm, each with a `build`."""
