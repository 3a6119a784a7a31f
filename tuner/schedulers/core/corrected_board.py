"""A rung whose trials rank by what their long runs are expected to reach."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tuner.schedulers.core.knob_features import encode_knobs
from tuner.schedulers.core.long_run_model import LongRunModel, Prediction, Runs
from tuner.schedulers.core.ranking import RankingAccuracy
from tuner.schedulers.core.rung_board import RungBoard

MIN_PAIRS = 3
"""Trials with both runs below which the accuracy of the short run ranks alone."""
GROWTH = 10
"""The model is fitted again after one in so many more pairs, and at least one."""
MAX_PAIRED, MAX_FITTED = 40, 60
"""Newest trials with both runs, and newest trials in all, to which the model is fitted."""
UNRELATED_BOUND, MIN_PAIRS_TO_WARN = 0.8, 5
"""Probability that short and long runs are unrelated, and pairs, from which on users are warned."""
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
        earned: Trials that were among the best by the accuracy of the short run.
        last_asked: For how many slots, of how many trials, these were last looked for.
    """

    def __init__(self, domains: Mapping[str, object]) -> None:
        super().__init__()
        self.domains = domains
        self.knobs: dict[str, list[float]] = {}
        self.longer: dict[str, float] = {}
        self.failed = set[str]()
        self.model: LongRunModel | None = None
        self.n_fitted_pairs = 0
        self.earned: set[str] = set()
        self.last_asked = (0, 0)

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

    def drop_failed(self, trial: str) -> None:
        """Record that a paused trial has failed; another one continues in its place."""
        self.failed.add(trial)
        super().drop_failed(trial)

    def record_next_run(self, trial: str, accuracy: float) -> None:
        """Record what the next run of a trial has reached; rank again once there are enough."""
        if trial not in self.values:
            return
        self.longer[trial] = accuracy
        due = self.n_fitted_pairs + max(1, self.n_fitted_pairs // GROWTH)
        if len(self.longer) >= max(MIN_PAIRS, due):
            self.fit()

    def best_paused(self, slots: int, *, above_rest: bool = False) -> str | None:
        """Return the best paused trial, or `None` if enough have continued.

        As many continue as by the accuracy of the short runs alone, so that a correction changes
        which trials continue, but not what the study costs. See `RungBoard.best_paused`.
        """
        asked = (slots, len(self.values))
        if above_rest and asked != self.last_asked:
            self.last_asked = asked
            self.earned.update(self.list_best_short(slots))
        due = len(self.earned) if above_rest else max(slots, len(self.earned))
        return self.paused[0][1] if self.paused and due > len(self.promoted - self.failed) else None

    def list_best_short(self, slots: int) -> list[str]:
        """Return the trials with the best short runs, better than the first without a slot."""
        short = zip(self.accuracies.values, self.knobs, strict=True)
        ranking = sorted(short, key=lambda each: -each[0])
        bound = ranking[slots][0] if slots < len(ranking) else -math.inf
        return [trial for value, trial in ranking[:slots] if value > bound]

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

    def is_unrelated(self) -> bool:
        """Return whether short runs say nothing about long ones, by enough pairs."""
        return (
            self.model is not None
            and self.model.unrelated > UNRELATED_BOUND
            and len(self.longer) >= MIN_PAIRS_TO_WARN
        )

    def expect_long_runs(self, model: LongRunModel, trials: Sequence[str]) -> dict[str, float]:
        """Return what trials to which the model is not fitted rank by."""
        places = {trial: place for place, trial in enumerate(self.knobs)}
        values = self.accuracies.values
        knobs = np.array([self.knobs[trial] for trial in trials])
        short = np.array([values[places[trial]] for trial in trials])
        return dict(zip(trials, rounded(model.predict_new(knobs, short)), strict=True))


def describe_unrelated(boards: Iterable[RungBoard]) -> str:
    """Return that short runs say nothing about long ones, for users; empty: they do."""
    for board in boards:
        if isinstance(board, CorrectedBoard) and board.is_unrelated():
            return (
                f"short runs said nothing about long ones ({len(board.longer)} trials were run in "
                "both lengths). A further search needs longer ones, e.g. scheduler.rungs=[1/2], or "
                "scheduler=none."
            )
    return ""


def rounded(prediction: Prediction) -> list[float]:
    """Return what trials rank by."""
    bounds = prediction.mean + OPTIMISM * prediction.std
    return [round(float(bound), DIGITS) for bound in bounds]
