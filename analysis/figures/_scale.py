"""Axes of knobs: numbers, powers of ten with zero beside them, words."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from analysis.domains import Domain, is_number, read
from analysis.figures._fixed import mapping
from analysis.frames import Frames
from trainables.problems import InputError

WIDE = 20.0
"""Largest over smallest, from which on an axis counts powers of ten."""
NEAREST = 0.15
"""Share of an axis a column wide between two of its numbers, so that they do not touch."""
LONGEST = 14
"""Letters of a word on an axis."""
ACROSS = 20
"""Letters of words that stand side by side; more are turned."""
MOST_WORDS = 12
"""On an axis."""
Kind = Literal["linear", "log", "words"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """One axis.

    Attributes:
        kind: "words" stand one beside the other, in the order of `ticks`.
        ticks: Values with a mark.
        low: The smallest place on the axis.
        high: The largest.
        zero: What stands for zero on a logarithmic axis.
    """

    kind: Kind
    ticks: tuple[Any, ...]
    low: float
    high: float
    zero: float = 0.0

    def values(self, column: "pd.Series[Any]") -> NDArray[np.float64]:
        """Return what to draw: numbers as they are, of a word its turn."""
        if self.kind == "words":
            turns = {tick: turn for turn, tick in enumerate(self.ticks)}
            return column.map(worded).map(turns).to_numpy(dtype="float64")
        return pd.to_numeric(column).to_numpy(dtype="float64")

    def places(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where values stand: on a logarithmic axis their logarithms."""
        if self.kind != "log":
            return values
        return np.asarray(np.log10(np.where(values > 0, values, self.zero)))

    def back(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values that stand at some places."""
        return np.asarray(10.0**places) if self.kind == "log" else places

    def shares(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return places as shares of the axis; its middle if there is only one."""
        if self.high <= self.low:
            return np.full(len(values), 0.5)
        return (self.places(values) - self.low) / (self.high - self.low)

    def marks(self) -> tuple[NDArray[np.float64], list[str]]:
        """Return values with a mark, and what the marks say."""
        if self.kind == "words":
            return np.arange(len(self.ticks), dtype="float64"), [*map(shortened, self.ticks)]
        return np.asarray(self.ticks, dtype="float64"), [*map(short, self.ticks)]

    def put(self, axes: Axes, label: str) -> None:
        """Make it the horizontal axis of a panel."""
        axes.set_xscale("function", functions=(self.places, self.back))
        values, texts = self.marks()
        axes.set_xticks(values, texts)
        axes.xaxis.set_minor_locator(NullLocator())
        if self.kind == "words" and sum(map(len, texts)) > ACROSS:
            axes.tick_params(axis="x", labelrotation=90)
        margin = 0.5 if self.kind == "words" else 0.07 * (self.high - self.low) or 0.5
        axes.set_xlim(*self.back(np.array([self.low - margin, self.high + margin])))
        axes.set_xlabel(label)


def scale_of(
    frames: Frames, knob: str, column: "pd.Series[Any]", *, nearest: float = NEAREST
) -> Scale:
    """Return an axis for the values of a knob: logarithmic where it was searched so, or is wide.

    Args:
        frames: For the domains in `search.yaml`.
        knob: Its path.
        column: Its values, none missing, at least one.
        nearest: Share of the axis that two numbers on it are apart, at least.

    Raises:
        InputError: If there are too many words for an axis.
    """
    numbers = pd.to_numeric(column.where(column.map(is_number)), errors="coerce")
    if numbers.isna().any():
        return words(knob, column)
    values = np.unique(numbers.to_numpy(dtype="float64"))
    positive = values[values > 0]
    ranges = [domain.log for domain in told(frames, knob) if not domain.values]
    wide = len(positive) > 0 and positive[-1] >= WIDE * positive[0]
    if len(positive) and values[0] >= 0 and (any(ranges) if ranges else wide):
        zero, regular = decades(values, positive)
        return numbered("log", values, regular, nearest, zero)
    regular = np.asarray(MaxNLocator(4, min_n_ticks=2).tick_values(*values[[0, -1]]))
    return numbered("linear", values, regular, nearest)


def words(knob: str, column: "pd.Series[Any]") -> Scale:
    """Return an axis of words, in alphabetical order but for lists, which are sorted by length.

    Raises:
        InputError: If there are too many.
    """
    found = sorted(set(column.map(worded)), key=lambda word: (len(word.split(",")), word))
    if len(found) > MOST_WORDS:
        raise InputError([
            f"expected at most {MOST_WORDS} values of {knob} that are no numbers, got {len(found)}."
        ])
    return Scale(kind="words", ticks=tuple(found), low=0, high=len(found) - 1)


def decades(
    values: NDArray[np.float64], positive: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return what stands for zero, a bit below the smallest number, and powers of ten."""
    wide = np.log10(positive[-1] / positive[0])
    zero = positive[0] / 10 ** max(0.3, 0.2 * wide)
    powers = np.arange(np.floor(np.log10(positive[0])), np.ceil(np.log10(positive[-1])) + 1)
    steps = [1.0] if wide > 2 else [1.0, 2.0, 5.0]
    regular = np.sort(np.concatenate([step * 10.0**powers for step in steps]))
    if values[0] == 0:
        regular = np.concatenate([[0.0], regular[regular >= positive[0]]])
    return float(zero), regular


def numbered(
    kind: Kind,
    values: NDArray[np.float64],
    regular: NDArray[np.float64],
    nearest: float,
    zero: float = 0.0,
) -> Scale:
    """Return an axis of numbers, marked at the values if they leave room, else at regular ones."""
    bare = Scale(kind=kind, ticks=(), low=0, high=1, zero=zero)
    low, high = map(float, bare.places(values[[0, -1]]))
    axis = replace(bare, low=low, high=high)
    inside = regular[(regular >= values[0]) & (regular <= values[-1])]
    for ticks in (values, *(inside[::stride] for stride in (1, 2, 3)), values[[0, -1]]):
        if len(ticks) > 1 and np.diff(axis.shares(ticks)).min() >= nearest:
            return replace(axis, ticks=tuple(map(float, ticks)))
    return replace(axis, ticks=(float(values[0]),))


def told(frames: Frames, knob: str) -> list[Domain]:
    """Return what the studies drew a knob from, as far as they say."""
    each = [mapping(study.said) for study in frames.studies.values()]
    each += [mapping(v) for said in each for v in mapping(said.get("variants")).values()]
    found = (read(str(mapping(said.get("searched")).get(knob, ""))) for said in each)
    return [domain for domain in found if domain]


def present(frames: Frames, knob: str, column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the values of a knob that trials have: nothing counts where it was offered."""
    if any(None in domain.values for domain in told(frames, knob)):
        return column.astype(object).where(column.notna(), "none")
    return column[column.notna()]


def worded(value: object) -> str:
    """Return a value as a word."""
    return short(float(value)) if is_number(value) else str(value)  # type: ignore[arg-type]


def short(number: float) -> str:
    """Return a number as papers print knobs.

    >>> [short(number) for number in (0.0005, 0.05, 4.63e-05, 50.0, 0)]
    ['5e-4', '0.05', '4.63e-5', '50', '0']
    """
    text = f"{number:.3g}"
    if 0 < abs(number) < 0.01:
        digits, _, power = f"{number:.2e}".partition("e")
        text = f"{float(digits):g}e{int(power)}"
    return text


def shortened(word: str, most: int = LONGEST) -> str:
    """Return a word with its middle left out if it is long.

    >>> shortened("preact_resnet18_and_more", 11)
    'preac…_more'
    """
    if len(word) <= most:
        return word
    half = most // 2
    return f"{word[:half]}…{word[len(word) - (most - 1 - half) :]}"
