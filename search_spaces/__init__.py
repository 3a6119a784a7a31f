"""Search spaces, one per file, each with a function `space`.

The docstring of a space names the source of its ranges.
"""

MEMBER_PACKAGES = ("search_spaces.tables",)
"""Packages whose modules are spaces by name too: `space=bag_of_tricks_table4`."""
