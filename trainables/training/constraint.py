"""What a network must reach before its robust accuracy counts, such as `clean >= 0.8`."""

import re
from dataclasses import dataclass

ACCURACIES = ("robust", "clean")
CONSTRAINT_PATTERN = re.compile(r"\s*(\w+)\s*>=\s*(\S+)\s*")


@dataclass(frozen=True)
class Constraint:
    """A least accuracy on the validation split.

    Attributes:
        accuracy: Which one: "robust" or "clean".
        minimum: A fraction in [0, 1].
    """

    accuracy: str
    minimum: float

    def __str__(self) -> str:
        return f"{self.accuracy}>={self.minimum!r}"

    def violation(self, *, robust: float, clean: float) -> float:
        """Return by how much it is missed; at most 0 where it is satisfied, as Optuna has it."""
        return self.minimum - {"robust": robust, "clean": clean}[self.accuracy]


def parse_constraint(text: str) -> Constraint:
    """Return the constraint that is typed so.

    Raises:
        ValueError: If there is no such constraint; the message says what to type.

    >>> str(parse_constraint(" clean >= 0.80"))
    'clean>=0.8'
    """
    match = CONSTRAINT_PATTERN.fullmatch(text)
    if not match or match[1] not in ACCURACIES:
        raise ValueError("must be 'clean>=FRACTION' or 'robust>=FRACTION', such as 'clean>=0.8'")
    try:
        least = float(match[2])
    except ValueError:
        raise ValueError(f"needs a number after >=, such as '{match[1]}>=0.8'") from None
    if not 0 <= least <= 1:
        hint = f"; for {least:g} % write '{match[1]}>={least / 100:g}'" if 1 < least <= 100 else ""
        raise ValueError(f"needs an accuracy in [0, 1]{hint}")
    return Constraint(match[1], least)
