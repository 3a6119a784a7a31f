"""Parts that all schedulers share: the interface, rungs, brackets and the factory."""
