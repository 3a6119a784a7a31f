"""Attacks of training (inner maximisation): one file each, with a `perturb`.

`GRADIENT_STEPS` is the number of consecutive gradient steps, or the name of the knob that sets it.
"""
