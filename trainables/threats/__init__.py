"""Threat models: one file per norm, with a `build`."""
