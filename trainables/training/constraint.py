"""A constraint on a validation accuracy, for example `clean >= 0.8`."""

import re
from dataclasses import dataclass

ACCURACIES = ("robust", "clean")
CONSTRAINT_PATTERN = re.compile(r"\s*(\w+)\s*>=\s*(\S+)\s*")


@dataclass(frozen=True)
class Constraint:
    """A minimum accuracy on the validation split.

    Attributes:
        accuracy: "robust" or "clean".
        minimum: A fraction in [0, 1].
    """

    accuracy: str
    minimum: float

    def __str__(self) -> str:
        return f"{self.accuracy}>={self.minimum!r}"

    def violation(self, *, robust: float, clean: float) -> float:
        """Return the shortfall; at most 0 if the constraint is satisfied, as in Optuna."""
        return self.minimum - {"robust": robust, "clean": clean}[self.accuracy]


def parse_constraint(text: str) -> Constraint:
    """Parse a constraint.

    Raises:
        ValueError: If the constraint is invalid; the message says what to type.

    >>> str(parse_constraint(" clean >= 0.80"))
    'clean>=0.8'
    """
    match = CONSTRAINT_PATTERN.fullmatch(text)
    if not match or match[1] not in ACCURACIES:
        raise ValueError("must be 'clean>=FRACTION' or 'robust>=FRACTION', such as 'clean>=0.8'")
    try:
        minimum = float(match[2])
    except ValueError:
        raise ValueError(f"needs a number after >=, such as '{match[1]}>=0.8'") from None
    if not 0 <= minimum <= 1:
        hint = (
            f"; for {minimum:g} % write '{match[1]}>={minimum / 100:g}'"
            if 1 < minimum <= 100
            else ""
        )
        raise ValueError(f"needs an accuracy in [0, 1]{hint}")
    return Constraint(match[1], minimum)
