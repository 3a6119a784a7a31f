"""Knobs are read from signatures and validate their values."""

from typing import Literal

import pytest

from trainables.hparams.knobs import read_knobs
from trainables.hparams.ranges import (
    Count,
    Fraction,
    FractionBelowOne,
    NonNegative,
    PathText,
    Positive,
)
from trainables.scheduling import locate_period


def example(
    x,
    *,
    beta: NonNegative = 6.0,
    lr: Positive,
    steps: Count = 10,
    mode: Literal["train", "eval"] = "eval",
    drops: tuple[Fraction, ...] = (),
    limit: Count | None = None,
    smoothing: FractionBelowOne = 0.0,
    flip: bool = False,
    threat: object = None,
):
    """An example of a component.

    Args:
        x: No knob.
        beta: Price
            of the shift.
        lr: Rate.
        steps: S.
        mode: M.
        drops: D.
        limit: L.
        smoothing: P.
        flip: F.
        threat: No knob.

    Returns:
        y: No knob either.
    """


def test_knobs_are_the_keywords_with_a_range():
    knobs = read_knobs(example)
    assert set(knobs) == {
        "beta", "lr", "steps", "mode", "drops", "limit", "smoothing", "flip",
    }  # fmt: skip
    assert knobs["beta"].description == "Price of the shift."
    assert knobs["beta"].default == 6.0


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("beta", 0, 0.0),
        ("steps", 3.0, 3),
        ("drops", [0.5, 1], (0.5, 1.0)),
        ("limit", None, None),
        ("mode", "train", "train"),
        ("flip", True, True),
    ],
)
def test_a_value_in_range_is_converted_to_its_type(name, value, expected):
    result = read_knobs(example)[name].validate(value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("beta", -1, "greater than or equal to 0, got -1"),
        ("beta", float("nan"), "finite"),
        ("beta", "six", "got 'six'"),
        ("lr", 0, "greater than 0"),
        ("steps", 0, "greater than or equal to 1"),
        ("steps", 2.5, "integer"),
        ("mode", "evall", "'train' or 'eval', got 'evall'"),
        ("drops", [0.5, 100], "[1] must be less than or equal to 1"),
        ("limit", 0, "greater than or equal to 1"),
        ("smoothing", 1.0, "less than 1"),
        ("flip", 3, "boolean"),
    ],
)
def test_an_invalid_value_is_refused_with_expected_and_given_values(name, value, message):
    with pytest.raises(ValueError, match="must be") as error:
        read_knobs(example)[name].validate(value)
    assert message in str(error.value)


def test_a_folder_becomes_absolute(tmp_path, monkeypatch):
    def load(*, root: PathText = "data"):
        """Load."""

    monkeypatch.chdir(tmp_path)
    assert read_knobs(load)["root"].validate("here") == str(tmp_path / "here")


def test_a_list_that_must_ascend_is_described_as_a_list():
    assert read_knobs(locate_period)["resets"].allowed_values == "list of float > 0 < 1"
