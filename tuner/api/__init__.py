"""The interface for Python scripts and notebooks: `from tuner import Study, evaluate`."""
