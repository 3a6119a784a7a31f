"""What a study will cost and whether it fits the machine, found before it starts.

Private: representative, timing.
"""
