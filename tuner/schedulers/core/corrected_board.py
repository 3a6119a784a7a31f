"""A rung whose trials rank by what their long runs are expected to reach."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tuner.schedulers.core.knob_features import encode_knobs
from tuner.schedulers.core.long_run_model import LongRunModel, Prediction, Runs
from tuner.schedulers.core.ranking import RankingAccuracy
from tuner.schedulers.core.rung_board import RungBoard

MIN_PAIRS = 3
"""Trials with both runs below which the accuracy of the short run ranks alone."""
GROWTH = 1.1
"""Growth of the number of pairs after which the model is fitted again."""
MAX_PAIRED, MAX_FITTED = 60, 100
"""Newest trials with both runs, and newest trials in all, to which the model is fitted."""
OPTIMISM = 0.5
"""Standard deviations of the expected accuracy that are added to it."""
DIGITS = 9
"""Decimal digits of an accuracy, so that rounding errors of sums decide nothing."""


class CorrectedBoard(RungBoard):
    """The trials that have reached a rung, ranked by the expected accuracy of their next run.

    Short runs are biased by the searched knobs; trials that have had both runs show how
    (`LongRunModel`). Of trials whose next run is uncertain, more is expected: they teach most.

    Attributes:
        domains: Domain of each searched knob by path.
        knobs: Positions of the knobs of each trial.
        longer: What the next run of a trial has reached.
        model: Fitted to the runs; `None`: too few trials have had both.
        n_fitted_pairs: Trials with both runs when it was fitted.
    """

    def __init__(self, domains: Mapping[str, object]) -> None:
        super().__init__()
        self.domains = domains
        self.knobs: dict[str, list[float]] = {}
        self.longer: dict[str, float] = {}
        self.model: LongRunModel | None = None
        self.n_fitted_pairs = 0

    def add(
        self,
        trial: str,
        accuracy: RankingAccuracy,
        clean: float = 0.0,
        knobs: Mapping[str, object] | None = None,
    ) -> None:
        """Add a paused trial; see `RungBoard.add`."""
        self.knobs[trial] = encode_knobs(knobs or {}, self.domains)
        if self.model is None:
            super().add(trial, accuracy, clean)
            return
        self.expected.discard(trial)
        if self.accuracies.append(accuracy):
            self.fit()
        else:
            self.insert(trial, self.expect_long_runs(self.model, [trial])[trial])

    def record_next_run(self, trial: str, accuracy: float) -> None:
        """Record what the next run of a trial has reached; rank again once there are enough."""
        if trial not in self.values:
            return
        self.longer[trial] = accuracy
        if len(self.longer) >= max(MIN_PAIRS, math.ceil(GROWTH * self.n_fitted_pairs)):
            self.fit()

    def best_paused(self, slots: int, *, above_rest: bool = False) -> str | None:
        """Return the best paused trial, or `None` if `slots` trials have continued.

        Trials that have continued rank by what they have reached, so that their places are no
        measure of how many more may continue. See `RungBoard.best_paused`.
        """
        free = slots - len(self.promoted)
        if not self.paused or free <= 0:
            return None
        value, trial = self.paused[0]
        if above_rest and free < len(self.paused) and value >= self.paused[free][0]:
            return None
        return trial

    def fit(self) -> None:
        """Fit the model to the newest trials, and rank all again."""
        short = dict(zip(self.knobs, self.accuracies.values, strict=True))
        paired = list(self.longer)[-MAX_PAIRED:]
        others = [trial for trial in self.knobs if trial not in self.longer]
        fitted = paired + others[-(MAX_FITTED - len(paired)) :]
        self.model = LongRunModel(
            Runs(
                np.array([self.knobs[trial] for trial in fitted]),
                np.array([short[trial] for trial in fitted]),
                np.array([self.longer.get(trial, math.nan) for trial in fitted]),
            )
        )
        self.n_fitted_pairs = len(self.longer)
        prediction = self.model.predict_known()
        known = dict(zip(fitted, rounded(prediction), strict=True))
        rest = [trial for trial in self.knobs if trial not in known]
        known |= self.expect_long_runs(self.model, rest) if rest else {}
        self.rank_again({trial: known[trial] for trial in self.knobs})

    def expect_long_runs(self, model: LongRunModel, trials: Sequence[str]) -> dict[str, float]:
        """Return what trials to which the model is not fitted rank by."""
        places = {trial: place for place, trial in enumerate(self.knobs)}
        values = self.accuracies.values
        knobs = np.array([self.knobs[trial] for trial in trials])
        short = np.array([values[places[trial]] for trial in trials])
        return dict(zip(trials, rounded(model.predict_new(knobs, short)), strict=True))


def rounded(prediction: Prediction) -> list[float]:
    """Return what trials rank by."""
    bounds = prediction.mean + OPTIMISM * prediction.std
    return [round(float(bound), DIGITS) for bound in bounds]
