"""The training of one trial: loop, reports, checkpoints and the Ray trainable.

Private: loop.
"""
