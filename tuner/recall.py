"""A study taken up again: what it knew when it was cut off, trial by trial."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages.journal import JournalFileBackend
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from trainables.checkpoint import epoch_of
from trainables.constraint import Constraint
from tuner.journal import remembered
from tuner.progress import Record
from tuner.searcher import NAME, NUMBER
from tuner.watch import ending

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController

CHECKPOINTS = "checkpoint_*"
STUDY = "optuna.log"


def remember(folder: Path, epochs: int, constraint: Constraint | None = None) -> dict[str, Record]:
    """Return every trial that a study has begun, by number, as it can be taken up.

    Args:
        folder: The results folder.
        epochs: Epochs of a whole trial.
        constraint: What the best epoch of each should satisfy, if anything.

    Raises:
        InputError: If the account of the study cannot be read.
    """
    records = remembered(folder, constraint)
    study = studied(folder)
    for trial in study.trials if study else ():
        record = records.get(trial.user_attrs.get(NUMBER, ""))
        if record and record.status == "running" and trial.state.is_finished():
            # it died between telling the searcher and writing down that the trial was over
            failed = trial.state == optuna.trial.TrialState.FAIL
            record.status = "failed" if failed else ending(record, epochs)
    return {
        number: rewound(record) if record.status == "running" else record
        for number, record in records.items()
    }


def studied(folder: Path) -> optuna.Study | None:
    """Return the searcher's study, or none if there is none yet; leave no trace of looking."""
    if not (folder / STUDY).exists():
        return None
    storage = kept_in(folder)
    if NAME not in optuna.get_all_study_names(storage):
        return None
    return optuna.load_study(study_name=NAME, storage=storage)


def kept_in(folder: Path, name: str = STUDY) -> optuna.storages.BaseStorage:
    """Return where the searcher's study is kept: a file that optuna-dashboard opens too."""
    file = folder / name
    lock = file.with_name(f"{file.name}.lock")
    lock.unlink(missing_ok=True)  # left by a process that died; the journal's own lock guards both
    return optuna.storages.JournalStorage(JournalFileBackend(str(file)))


def rewound(record: Record) -> Record:
    """Return a trial that was cut off as its newest whole checkpoint has it.

    What it reported after that is forgotten: it will report the same again.
    """
    seen = {report.epoch for report in record.reports}
    found = {}
    if record.checkpoint:
        for folder in Path(record.checkpoint).parent.glob(CHECKPOINTS):
            epoch = epoch_of(folder)
            if epoch in seen:
                found[epoch] = folder
    newest = max(found, default=0)
    record.reports = [report for report in record.reports if report.epoch <= newest]
    record.checkpoint = str(found[newest]) if found else ""
    return record


class Recalling(TrialScheduler):
    """A scheduler that is told of the past before it decides on the present.

    Ray does not keep what schedulers know. What they decide depends on what was reported at each
    rung, not on when, so that it can be told again.
    """

    def __init__(
        self,
        inner: TrialScheduler,
        past: Mapping[str, Record],
        note: Callable[[str, dict[str, Any]], None],
    ) -> None:
        """Tell a new scheduler of the trials that have ended.

        Args:
            inner: What decides.
            past: Trials by their number; one that was cut off is told of when it goes on.
            note: Called with a trial's number and what an epoch measured, before it is decided on.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # in Ray
        self.inner, self.past, self.note = inner, past, note
        for record in past.values():
            if record.status != "running":
                self.tell(SimpleNamespace(trial_id=record.trial_id), record)

    def tell(self, trial: Any, record: Record) -> None:  # noqa: ANN401
        """Add a trial and what it has reported; what is decided of that was decided before."""
        self.inner.on_trial_add(None, trial)  # type: ignore[arg-type]  # no scheduler here asks it
        for report in record.reports:
            self.inner.on_trial_result(None, trial, asdict(report))  # type: ignore[arg-type]

    @property
    def metric(self) -> str | None:
        """What is maximised."""
        name: str | None = self.inner.metric
        return name

    def set_search_properties(
        self,
        metric: str | None,
        mode: str | None,
        **spec: Any,  # noqa: ANN401
    ) -> bool:
        """Pass on what the study maximises."""
        return bool(self.inner.set_search_properties(metric, mode, **spec))

    def on_trial_add(self, tune_controller: "TuneController", trial: Trial) -> None:
        """Add a trial, with its past if it has one."""
        record = self.past.get(trial.config["trial"])
        if record is None:
            self.inner.on_trial_add(tune_controller, trial)
        else:
            self.tell(trial, record)

    def on_trial_error(self, tune_controller: "TuneController", trial: Trial) -> None:
        """Pass on that a trial failed."""
        self.inner.on_trial_error(tune_controller, trial)

    def on_trial_result(
        self, tune_controller: "TuneController", trial: Trial, result: dict[str, Any]
    ) -> str:
        """Return what is decided of an epoch."""
        self.note(trial.config["trial"], result)
        return str(self.inner.on_trial_result(tune_controller, trial, result))

    def on_trial_complete(
        self, tune_controller: "TuneController", trial: Trial, result: dict[str, Any]
    ) -> None:
        """Pass on that a trial is over."""
        self.inner.on_trial_complete(tune_controller, trial, result)

    def on_trial_remove(self, tune_controller: "TuneController", trial: Trial) -> None:
        """Pass on that a trial is taken away."""
        self.inner.on_trial_remove(tune_controller, trial)

    def choose_trial_to_run(self, tune_controller: "TuneController") -> Trial | None:
        """Return the trial to run next, if any is ready."""
        return self.inner.choose_trial_to_run(tune_controller)

    def debug_string(self) -> str:
        """Return what the scheduler says of itself."""
        return str(self.inner.debug_string())
