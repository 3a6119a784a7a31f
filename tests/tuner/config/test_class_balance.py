"""What imbalanced classes mean for a winner, and where they are counted."""

import numpy as np
import pytest
import yaml

from tuner.config.class_balance import ClassBalance, WinnerAccuracies, describe_winner_balance
from tuner.config.compose import compose_plan
from tuner.config.description import describe_study
from tuner.config.preflight.data_and_network import add_class_balance
from tuner.search import parse_search_arguments

DOMINATED = ClassBalance(2, 0.94)


def winner(robust, clean=0.97, balanced_robust=0.5, balanced_clean=0.6):
    return WinnerAccuracies(
        robust=robust, clean=clean, balanced_robust=balanced_robust, balanced_clean=balanced_clean
    )


def test_nothing_is_said_of_balanced_classes():
    chance = winner(0.1, 0.1)
    mnist = ClassBalance(10, 0.114)
    assert not mnist.is_imbalanced
    for balance in (None, mnist, ClassBalance(1, 1.0), ClassBalance(3, 0.34)):
        assert list(describe_winner_balance(balance, chance)) == []


def test_one_class_with_a_quarter_more_than_an_equal_share_is_imbalanced():
    assert not ClassBalance(4, 0.3125).is_imbalanced
    assert ClassBalance(4, 0.3126).is_imbalanced


def test_a_winner_above_the_largest_class_is_stated_with_its_balanced_accuracies():
    assert list(describe_winner_balance(DOMINATED, winner(0.95))) == [
        "The largest of 2 classes has 94.0 % of the validation split; as a mean over classes, the "
        "winner's accuracies are robust 50.0 %, clean 60.0 %."
    ]


@pytest.mark.parametrize(
    ("robust", "clean", "missed"),
    [
        (0.94, 0.97, "robust 94.0 %"),
        (0.9, 0.94, "robust 90.0 %, clean 94.0 %"),
    ],
)
def test_a_winner_that_does_not_beat_the_largest_class_is_a_caution(robust, clean, missed):
    *_, caution = describe_winner_balance(DOMINATED, winner(robust, clean))
    assert caution == (
        f"caution: the winner does not beat the largest class ({missed}): answering that class for "
        "every image has 94.0 %, under any attack."
    )


def test_unknown_balanced_accuracies_are_left_out():
    text, _ = describe_winner_balance(DOMINATED, winner(0.9, 0.97, None, None))
    assert text == "The largest of 2 classes has 94.0 % of the validation split."


def write_digits(path, counts):
    """Write 300 training images whose classes have these sizes, in this order, and test images."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(len(counts)), counts)
    images = rng.integers(0, 256, (len(y), 28, 28, 1), dtype=np.uint8)
    test_y = np.arange(len(counts)).repeat(2)
    np.savez(path, x_train=images, y_train=y, x_test=images[: len(test_y)], y_test=test_y)
    return path


def test_the_classes_of_each_validation_split_are_counted_and_described(tmp_path):
    """The split is stratified: of 50 images 47 are of class 0, 2 of class 1, one of class 2."""
    dominated = write_digits(tmp_path / "dominated.npz", [282, 12, 6])
    words = ["space=weight_decay", "data=arrays", f"data.path={dominated}", "data.validation=50"]
    plan = compose_plan(*parse_search_arguments(words))
    assert "validation_classes" not in describe_study(plan, (), 0, [])
    counted = add_class_balance(plan)
    assert [each.class_balance for each in counted.variants] == [ClassBalance(3, 0.94)]
    described = yaml.safe_load(yaml.safe_dump(describe_study(counted, (), 0, [])))
    assert described["validation_classes"] == {"classes": 3, "largest_share": 0.94}
    assert ClassBalance.from_description(described["validation_classes"]) == ClassBalance(3, 0.94)


@pytest.mark.parametrize(
    "content", [None, {}, "none", {"classes": "2", "largest_share": 0.94}, {"classes": 2}]
)
def test_a_description_without_classes_is_none(content):
    assert ClassBalance.from_description(content) is None
