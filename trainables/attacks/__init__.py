"""Inner maximisers: one file an attack, each with a `perturb`.

`SLOPES` says how many slopes of the network it follows in turn: a number, or the knob that says.
"""
