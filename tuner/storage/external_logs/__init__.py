"""Training logs of other repositories, read as results frames.

Private: parser, knob_names, sources, column_names, software_formats, fastat_benchmark.
"""
