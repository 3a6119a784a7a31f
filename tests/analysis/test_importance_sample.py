"""Samples of trials for the importance of knobs."""

from dataclasses import replace

import pandas as pd
import pytest

from analysis.importance import compute_importances, compute_interactions
from tests.analysis.by_hand import epoch_rows, study_frames, trial_row
from tests.analysis.test_importance import drawn
from trainables.errors import InputError


def test_too_few_trials_are_reported_and_not_ranked():
    with pytest.raises(InputError, match=r"ranking 3 knobs needs 15 trials, got 14 .* trials=15"):
        compute_importances(drawn(lambda lr, *_: lr, n=14))
    with pytest.raises(InputError, match="needs 15 trials"):
        compute_interactions(drawn(lambda lr, *_: lr, n=14))


def test_one_knob_is_not_ranked():
    rows = [trial_row(str(n), optimizer__lr=n / 20) for n in range(20)]
    frames = study_frames(
        rows, [epoch_rows(str(n), n / 20) for n in range(20)], knobs=("optimizer.lr",)
    )
    with pytest.raises(InputError, match="it takes two"):
        compute_importances(frames)


def test_stopped_trials_are_all_compared_at_the_same_epoch():
    """After one epoch the learning rate decides; later decay would, but few came as far."""
    frames = drawn(lambda lr, *_: 0.5 * lr, status="stopped")
    later = frames.epochs.head(5).assign(epoch=2, val_robust_accuracy=1.0)
    frames = replace(frames, epochs=pd.concat([frames.epochs, later]))
    found = compute_importances(frames)
    assert found.loc[0, "knob"] == "optimizer.lr"
    assert set(found["compared_at"]) == {"epoch 1"}
    assert found.loc[0, "n"] == 40


def test_equal_results_rank_no_knob():
    for ask in (compute_importances, compute_interactions):
        with pytest.raises(InputError, match="all 40 trials have the same"):
            ask(drawn(lambda *_: 0.1))
