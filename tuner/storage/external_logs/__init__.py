"""Training logs of other repositories, read as results frames.

Private: parser, knob_names.
"""
