"""Command lines: parsing, units, help, console and signals. Knows no study, no torch and no Ray."""
