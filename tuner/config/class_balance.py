"""The classes of a validation split, and what a dominant one means for a winner."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tuner.cli.format import format_percent

MAX_BALANCED_RATIO = 1.25
"""Largest class over an equal share, up to which classes count as balanced; MNIST has 1.14."""


@dataclass(frozen=True)
class ClassBalance:
    """The classes of the images of a validation split.

    Attributes:
        classes: Number of classes with images.
        largest_share: Share of the largest class.
    """

    classes: int
    largest_share: float

    @property
    def is_imbalanced(self) -> bool:
        """Whether one class is much larger than an equal share."""
        return self.largest_share * self.classes > MAX_BALANCED_RATIO

    @classmethod
    def from_description(cls, content: object) -> "ClassBalance | None":
        """Return what `search.yaml` holds; `None` if an older version wrote it."""
        content = content if isinstance(content, Mapping) else {}
        classes, share = content.get("classes"), content.get("largest_share")
        if isinstance(classes, int) and isinstance(share, int | float):
            return cls(classes, float(share))
        return None


@dataclass(frozen=True, kw_only=True)
class WinnerAccuracies:
    """The validation accuracies of a winner, in [0, 1]; `None`: unknown."""

    robust: float
    clean: float
    balanced_robust: float | None
    balanced_clean: float | None


def describe_winner_balance(
    balance: ClassBalance | None, winner: WinnerAccuracies
) -> Iterator[str]:
    """Yield what imbalanced classes mean for a winner; nothing if classes are balanced."""
    if balance is None or not balance.is_imbalanced:
        return
    share = format_percent(balance.largest_share)
    text = f"The largest of {balance.classes} classes has {share} % of the validation split"
    if winner.balanced_robust is not None and winner.balanced_clean is not None:
        text += (
            f"; as a mean over classes, the winner's accuracies are robust "
            f"{format_percent(winner.balanced_robust)} %, clean "
            f"{format_percent(winner.balanced_clean)} %"
        )
    yield f"{text}."
    values = {"robust": winner.robust, "clean": winner.clean}
    if missed := [name for name, value in values.items() if value <= balance.largest_share]:
        numbers = ", ".join(f"{name} {format_percent(values[name])} %" for name in missed)
        yield (
            f"caution: the winner does not beat the largest class ({numbers}): answering that "
            f"class for every image has {share} %, under any attack."
        )
