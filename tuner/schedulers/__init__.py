"""Schedulers, which stop trials early: one per file, each with a function `build`."""
