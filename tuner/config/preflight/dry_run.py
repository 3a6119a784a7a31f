"""The dry run of a study: plan, searched ranges, variants and cost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from rich.console import Console

from trainables.data_pipeline.images import MissingDataError
from trainables.errors import InputError
from trainables.training.fidelity import Rung
from tuner.cli.console import SafeConsole, print_table
from tuner.cli.format import format_bytes, format_duration, format_finish_time
from tuner.config.plan import Plan
from tuner.config.preflight.data_and_network import format_error
from tuner.config.preflight.estimate import (
    CostRange,
    StudyEstimate,
    TrialEstimate,
    estimate_study,
    estimate_trial,
)
from tuner.config.preflight.knob_tables import (
    build_group_table,
    build_variant_table,
    format_member,
)
from tuner.config.priors import format_with_prior
from tuner.config.resources import device_config


@dataclass(frozen=True)
class Resources:
    """What the trials of a study use.

    Attributes:
        concurrency: Trials at a time.
        cpu: CPU cores, and threads, of a trial.
        gpu: Share of a GPU, or number of GPUs, of a trial; 0: it trains on the CPU.
    """

    concurrency: int
    cpu: float
    gpu: float


@dataclass(frozen=True, kw_only=True, repr=False)
class StudyPlan:
    """What a study will run, and what it should cost at most; printed, it reads like a dry run.

    Attributes:
        study: All settings, resolved.
        folder: The results folder on this machine.
        resources: What the trials use.
        rungs: Where trials are compared and may stop; empty: none is stopped early.
        early_stopping: The same in a sentence; empty: the scheduler has nothing to say.
        cost_per_trial: Estimated cost of a trial that is not stopped early; `None`: unknown.
        cost_unknown: Why it is unknown; empty: it is known.
        notes: What the searcher learns from other studies.
    """

    study: Plan
    folder: Path
    resources: Resources
    rungs: tuple[Rung, ...] = ()
    early_stopping: str = ""
    cost_per_trial: TrialEstimate | None = None
    cost_unknown: str = ""
    notes: tuple[str, ...] = ()

    @property
    def trials(self) -> int:
        """Number of configurations to try."""
        return self.study.trials

    @property
    def epochs(self) -> int:
        """Epochs of a trial that is not stopped early."""
        return self.study.epochs

    @property
    def knobs(self) -> dict[str, str]:
        """Searched knobs: their ranges, as they are typed, by path; "a or b" if variants differ."""
        return {
            path: " or ".join(dict.fromkeys(map(format_with_prior, domains)))
            for path, domains in self.study.domains_by_knob.items()
        }

    @property
    def cost(self) -> StudyEstimate | None:
        """Upper estimate of the cost of the study: no trial is stopped early; `None`: unknown."""
        if self.cost_per_trial is None:
            return None
        return estimate_study(
            self.study, self.cost_per_trial, self.resources.concurrency, self.resources.gpu
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Possible mistakes."""
        return self.study.warnings

    def __repr__(self) -> str:
        """Return what a dry run prints."""
        file = StringIO()
        print_dry_run(SafeConsole(file=file), self)
        return file.getvalue().rstrip()


def build_study_plan(
    plan: Plan,
    folder: Path,
    concurrency: int,
    gpu: float,
    *,
    rungs: tuple[Rung, ...] = (),
    early_stopping: str = "",
    notes: tuple[str, ...] = (),
) -> StudyPlan:
    """Time configurations of a plan; return what it will run and cost.

    Args:
        plan: Plan of the study.
        folder: The results folder.
        concurrency: Trials at a time.
        gpu: Share of a GPU of each trial.
        rungs: Where the scheduler compares trials.
        early_stopping: The same in a sentence.
        notes: What the searcher learns from other studies.

    Raises:
        InputError: If a training step fails.
    """
    per_trial, unknown = None, ""
    try:
        per_trial = estimate_trial(plan, device_config(gpu))
    except MissingDataError as error:
        unknown = f"data: {error}"
    except Exception as error:  # a user-supplied file can raise anything
        raise InputError([f"a step of training fails ({format_error(error)})."]) from error
    return StudyPlan(
        study=plan,
        folder=folder,
        resources=Resources(concurrency, plan.settings.cpu, gpu),
        rungs=rungs,
        early_stopping=early_stopping,
        cost_per_trial=per_trial,
        cost_unknown=unknown,
        notes=notes,
    )


def print_dry_run(console: Console, study_plan: StudyPlan) -> None:
    """Print what a study will run, and its estimated cost."""
    plan, resources, note = study_plan.study, study_plan.resources, study_plan.early_stopping
    print_lines(
        console,
        f"space {plan.space}, recipe {plan.recipe}: {plan.trials} trials of up to {plan.epochs} "
        f"epochs, seed {plan.settings.seed}, {resources.concurrency} at a time",
        f"searcher: {format_member(plan.searcher)}",
        f"scheduler: {format_member(plan.scheduler)}" + (f"; {note}" if note else ""),
        *(f"caution: {caution}" for caution in plan.warnings),
    )
    print_table(console, build_group_table(plan))
    if len(plan.variants) > 1:
        console.print()
        print_table(console, build_variant_table(plan))
    cost = study_plan.cost_per_trial
    if cost is None:
        print_lines(console, f"Cost unknown. {study_plan.cost_unknown}")
    else:
        print_lines(console, *format_cost(plan, cost, resources.concurrency, resources.gpu))
    for text in study_plan.notes:
        console.print(text, soft_wrap=True)


def format_cost(
    plan: Plan, per_trial: TrialEstimate, concurrency: int, gpu: float
) -> Iterator[str]:
    """Yield lines with the cost of a trial and of the study."""
    yield (
        f"Cost of a trial on this machine, {format_estimate_basis(plan, per_trial)}: "
        f"{format_range(per_trial.passes, '{:.3g}'.format)} image gradients, about "
        f"{format_range(per_trial.seconds, format_duration)}, "
        f"{format_range(per_trial.disk, format_bytes)} on disk."
    )
    total = estimate_study(plan, per_trial, concurrency, gpu)
    yield (
        f"In all at most about {format_duration(total.seconds)}, "
        f"finish at {format_finish_time(total.seconds)}, "
        f"{total.gpu_hours:.3g} GPU-hours, {format_bytes(total.disk)} on disk; "
        "less what early stopping saves."
    )


def format_estimate_basis(plan: Plan, per_trial: TrialEstimate) -> str:
    """Return how many configurations an estimate is based on."""
    number = len(plan.variants) - per_trial.n_untimed_variants
    variants = f" of {number} of {len(plan.variants)} variants" if len(plan.variants) > 1 else ""
    plural = "s" * (per_trial.n_timed > 1)
    return f"from {per_trial.n_timed} timed configuration{plural}{variants}"


def format_range(spread: CostRange, formatter: Callable[[float], str]) -> str:
    """Format a mean, and its range if it differs."""
    mean, low, high = map(formatter, (spread.mean, spread.low, spread.high))
    return mean if low == high else f"{mean} ({low} to {high})"


def print_lines(console: Console, *lines: str) -> None:
    """Print each line."""
    for text in lines:
        console.print(text)
