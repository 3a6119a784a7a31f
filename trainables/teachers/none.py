"""No teacher: the method learns from the labels alone."""


def build() -> None:
    """Return `None`: there is no teacher."""
