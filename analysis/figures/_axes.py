"""Axes of knobs: numbers, powers of ten with zero beside them, words."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from analysis.frames import Column, Frames, as_mapping
from analysis.knob_domains import KnobDomain, is_number, parse_domain
from trainables.errors import InputError

MIN_LOG_RATIO = 20.0
"""Largest over smallest, from which on an axis counts powers of ten."""
MIN_TICK_GAP = 0.15
"""Share of an axis a column wide between two numbers of `TICK_LETTERS` that do not touch."""
TICK_LETTERS = 6
"""Letters of a number as long as 4.6e-5; shorter ones may stand closer."""
TICK_OVERHANG = 0.04
"""Share of an axis by which a round number may lie outside the values; margins are wider."""
MAX_WORD_LENGTH = 14
"""Letters of a word on an axis."""
MAX_UPRIGHT_LETTERS = 20
"""Letters of words that stand side by side; more are turned."""
MAX_WORDS = 12
"""On an axis."""
AxisKind = Literal["linear", "log", "words"]


@dataclass(frozen=True, kw_only=True)
class KnobAxis:
    """One axis.

    Attributes:
        kind: "words" stand one beside the other, in the order of `ticks`.
        ticks: Values with a mark.
        low: The smallest place on the axis.
        high: The largest.
        zero_value: Value drawn for zero on a logarithmic axis.
    """

    kind: AxisKind
    ticks: tuple[float, ...] | tuple[str, ...]
    low: float
    high: float
    zero_value: float = 0.0

    def to_numbers(self, column: Column) -> NDArray[np.float64]:
        """Return the values to draw: numbers unchanged, words as their index."""
        if self.kind == "words":
            turns = {tick: turn for turn, tick in enumerate(self.ticks)}
            return column.map(format_word).map(turns).to_numpy(dtype="float64")
        return pd.to_numeric(column).to_numpy(dtype="float64")

    def to_positions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the positions of values: on a logarithmic axis their logarithms."""
        if self.kind != "log":
            return values
        return np.asarray(np.log10(np.where(values > 0, values, self.zero_value)))

    def to_values(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values at some positions."""
        return np.asarray(10.0**places) if self.kind == "log" else places

    def to_shares(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return positions as shares of the axis; its middle if there is only one."""
        if self.high <= self.low:
            return np.full(len(values), 0.5)
        return (self.to_positions(values) - self.low) / (self.high - self.low)

    def get_ticks(self) -> tuple[NDArray[np.float64], list[str]]:
        """Return the values of the ticks, and their labels."""
        if self.kind == "words":
            words = [shorten_word(str(tick)) for tick in self.ticks]
            return np.arange(len(words), dtype="float64"), words
        numbers = np.asarray(self.ticks, dtype="float64")
        return numbers, [format_number(float(tick)) for tick in self.ticks]

    def apply_to(self, axes: Axes, label: str) -> None:
        """Set it as the horizontal axis of a panel."""
        axes.set_xscale("function", functions=(self.to_positions, self.to_values))
        values, texts = self.get_ticks()
        axes.set_xticks(values, texts)
        axes.xaxis.set_minor_locator(NullLocator())
        if self.kind == "words" and sum(map(len, texts)) > MAX_UPRIGHT_LETTERS:
            axes.tick_params(axis="x", labelrotation=90)
        margin = 0.5 if self.kind == "words" else 0.07 * (self.high - self.low) or 0.5
        axes.set_xlim(*self.to_values(np.array([self.low - margin, self.high + margin])))
        axes.set_xlabel(label)


def build_axis(
    frames: Frames, knob: str, column: Column, *, min_gap: float = MIN_TICK_GAP
) -> KnobAxis:
    """Return an axis for a knob: logarithmic if it was searched so or its values differ widely.

    Args:
        frames: For the domains in `search.yaml`.
        knob: Its path.
        column: Its values, none missing, at least one.
        min_gap: Share of the axis that two numbers on it are apart, at least.

    Raises:
        InputError: If there are too many words for an axis.
    """
    numbers = pd.to_numeric(column.where(column.map(is_number)), errors="coerce")
    if numbers.isna().any():
        return build_word_axis(knob, column)
    values = np.unique(numbers.to_numpy(dtype="float64"))
    positive = values[values > 0]
    ranges = [domain.is_log for domain in parse_domains(frames, knob) if not domain.values]
    wide = len(positive) > 0 and positive[-1] >= MIN_LOG_RATIO * positive[0]
    if len(positive) and values[0] >= 0 and (any(ranges) if ranges else wide):
        zero, regular = build_decade_ticks(values, positive)
        return build_number_axis("log", values, regular, min_gap, zero)
    regular = np.asarray(MaxNLocator(4, min_n_ticks=2).tick_values(*values[[0, -1]]))
    return build_number_axis("linear", values, regular, min_gap)


def build_word_axis(knob: str, column: Column) -> KnobAxis:
    """Return an axis of words, in alphabetical order; lists are sorted by length.

    Raises:
        InputError: If there are too many.
    """
    found = sorted(set(column.map(format_word)), key=lambda word: (len(word.split(",")), word))
    if len(found) > MAX_WORDS:
        raise InputError([
            f"expected at most {MAX_WORDS} values of {knob} that are no numbers, got {len(found)}."
        ])
    return KnobAxis(kind="words", ticks=tuple(found), low=0, high=len(found) - 1)


def build_decade_ticks(
    values: NDArray[np.float64], positive: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the value drawn for zero, a bit below the smallest number, and powers of ten."""
    wide = np.log10(positive[-1] / positive[0])
    zero = positive[0] / 10 ** max(0.3, 0.2 * wide)
    powers = np.arange(np.floor(np.log10(positive[0])), np.ceil(np.log10(positive[-1])) + 1)
    steps = [1.0] if wide > 2 else [1.0, 2.0, 5.0]
    regular = np.sort(np.concatenate([step * 10.0**powers for step in steps]))
    if values[0] == 0:
        regular = np.concatenate([[0.0], regular[regular >= positive[0]]])
    return float(zero), regular


def build_number_axis(
    kind: AxisKind,
    values: NDArray[np.float64],
    regular: NDArray[np.float64],
    min_gap: float,
    zero: float = 0.0,
) -> KnobAxis:
    """Return an axis of numbers with ticks at the values, or regular ticks if those overlap.

    Three ticks or more are preferred to the two ends.
    """
    bare = KnobAxis(kind=kind, ticks=(), low=0, high=1, zero_value=zero)
    low, high = map(float, bare.to_positions(values[[0, -1]]))
    axis = replace(bare, low=low, high=high)
    shares = axis.to_shares(regular)
    inside = regular[(shares >= -TICK_OVERHANG) & (shares <= 1 + TICK_OVERHANG)]
    strided = [inside[start::stride] for stride in (1, 2, 3) for start in range(stride)]
    fitting = [
        ticks
        for ticks in (values, *strided, values[[0, -1]])
        if len(ticks) > 1 and np.diff(axis.to_shares(ticks)).min() >= required_gap(ticks, min_gap)
    ]
    ticks = next((ticks for ticks in fitting if len(ticks) > 2), [*fitting, values[:1]][0])
    return replace(axis, ticks=tuple(map(float, ticks)))


def required_gap(ticks: NDArray[np.float64], min_gap: float) -> float:
    """Return the share of an axis between two ticks: less than `min_gap` if they are short.

    >>> required_gap(np.array([0.1, 0.2]), 0.3), required_gap(np.array([0.1234, 0.2]), 0.3)
    (0.15, 0.25)
    """
    return min_gap * min(1.0, max(len(format_number(tick)) for tick in ticks) / TICK_LETTERS)


def parse_domains(frames: Frames, knob: str) -> list[KnobDomain]:
    """Return the domains of a knob in the studies that record them."""
    each = [as_mapping(study.description) for study in frames.studies.values()]
    each += [as_mapping(v) for said in each for v in as_mapping(said.get("variants")).values()]
    found = (parse_domain(str(as_mapping(said.get("searched")).get(knob, ""))) for said in each)
    return [domain for domain in found if domain]


def select_present(frames: Frames, knob: str, column: Column) -> Column:
    """Return the values of a knob that trials have: nothing counts where it was offered."""
    if any(None in domain.values for domain in parse_domains(frames, knob)):
        return column.astype(object).where(column.notna(), "none")
    return column[column.notna()]


def format_word(value: object) -> str:
    """Return a value as a word."""
    return format_number(float(value)) if is_number(value) else str(value)


def format_number(number: float) -> str:
    """Return a number as papers print knobs.

    >>> [format_number(number) for number in (0.0005, 0.05, 4.63e-05, 50.0, 0)]
    ['5e-4', '0.05', '4.63e-5', '50', '0']
    """
    text = f"{number:.3g}"
    if 0 < abs(number) < 0.01:
        digits, _, power = f"{number:.2e}".partition("e")
        text = f"{float(digits):g}e{int(power)}"
    return text


def shorten_word(word: str, max_length: int = MAX_WORD_LENGTH) -> str:
    """Return a word with its middle left out if it is long.

    >>> shorten_word("preact_resnet18_and_more", 11)
    'preac…_more'
    """
    if len(word) <= max_length:
        return word
    half = max_length // 2
    return f"{word[:half]}…{word[len(word) - (max_length - 1 - half) :]}"
