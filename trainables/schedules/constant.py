"""The same learning rate throughout (Madry et al.'s MNIST, arXiv:1706.06083)."""


def factor(progress: float) -> float:
    """Return the factor of the peak learning rate: 1."""
    return 1.0
