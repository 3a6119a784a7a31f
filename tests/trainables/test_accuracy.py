"""Accuracies of masks, by hand."""

import pytest
import torch

from trainables.accuracy import Accuracies, balanced_accuracy, compute_accuracies


def mask(text):
    return torch.tensor([each == "1" for each in text])


def test_accuracies_of_three_classes_one_of_which_has_no_image():
    """Class 0 has five images, 2 has two, 3 has one, and 1 none."""
    y = torch.tensor([0, 0, 2, 0, 3, 0, 2, 0])
    assert compute_accuracies(mask("11110100"), mask("10100100"), y) == Accuracies(
        clean=5 / 8,
        robust=3 / 8,
        balanced_clean=pytest.approx((4 / 5 + 1 / 2 + 0) / 3),
        balanced_robust=pytest.approx((2 / 5 + 1 / 2 + 0) / 3),
    )


def test_one_answer_for_all_images_is_as_good_as_chance():
    """94 of 100 images are of class 1, which is the answer."""
    y = torch.ones(100).long()
    y[:6] = 0
    found = compute_accuracies(y == 1, y == 1, y)
    assert (found.clean, found.robust) == (0.94, 0.94)
    assert (found.balanced_clean, found.balanced_robust) == (0.5, 0.5)


def test_with_equal_classes_both_accuracies_are_equal():
    y = torch.tensor([0, 1, 2] * 10)
    correct = mask("110100" * 5)
    assert balanced_accuracy(correct, y) == pytest.approx(1 / 2)
