"""Print a dry run: plan, searched ranges, variants and cost."""

from collections.abc import Callable, Iterator, Mapping

from rich.console import Console
from rich.table import Table

from trainables.components import GROUPS
from trainables.data_pipeline.images import MissingDataError
from trainables.errors import InputError
from trainables.hparams.group import member_name
from tuner.cli.console import print_table
from tuner.cli.format import format_bytes, format_duration, format_finish_time, format_value
from tuner.config.plan import Plan, Variant, flatten_groups
from tuner.config.preflight.data_and_network import format_error
from tuner.config.preflight.estimate import CostRange, TrialEstimate, estimate_study, estimate_trial
from tuner.config.priors import format_with_prior
from tuner.config.resources import device_config


def print_dry_run(
    console: Console, plan: Plan, concurrency: int, gpu: float, *, note: str = ""
) -> None:
    """Print a plan and its estimated cost without running a trial.

    Args:
        console: Where to print.
        plan: Plan of the study.
        concurrency: Trials at a time.
        gpu: Share of a GPU of each trial.
        note: Where the scheduler compares trials; empty: nothing to say.

    Raises:
        InputError: If a training step fails.
    """
    print_lines(
        console,
        f"space {plan.space}, recipe {plan.recipe}: {plan.trials} trials of up to {plan.epochs} "
        f"epochs, seed {plan.settings.seed}, {concurrency} at a time",
        f"searcher: {format_member(plan.searcher)}",
        f"scheduler: {format_member(plan.scheduler)}" + (f"; {note}" if note else ""),
        *(f"caution: {caution}" for caution in plan.warnings),
    )
    print_table(console, build_group_table(plan))
    if len(plan.variants) > 1:
        console.print()
        print_table(console, build_variant_table(plan))
    try:
        per_trial = estimate_trial(plan, device_config(gpu))
    except MissingDataError as error:
        print_lines(console, f"Cost unknown. data: {error}")
        return
    except Exception as error:  # a user-supplied file can raise anything
        raise InputError([f"a step of training fails ({format_error(error)})."]) from error
    print_lines(console, *format_cost(plan, per_trial, concurrency, gpu))


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


def build_group_table(plan: Plan) -> Table:
    """Return a table of the knobs that are searched and fixed in every variant, by group."""
    first, *others = plan.variants
    result = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("group", "searched", "fixed"):
        result.add_column(name)
    for group, values in first.fixed.items():
        common = {
            knob: value
            for knob, value in values.items()
            if all(knob in v.fixed[group] and v.fixed[group][knob] == value for v in others)
        }
        alike = [v.searched == first.searched for v in others]
        result.add_row(
            group, format_searched_knobs(first, group) if all(alike) else "", format_member(common)
        )
    return result


def build_variant_table(plan: Plan) -> Table:
    """Return a table with one row per variant: its knobs and its published results."""
    result = Table(box=None, header_style="dim", pad_edge=False)
    result.add_column("variant")
    result.add_column("has")
    measured = list(dict.fromkeys(key for v in plan.variants for key in v.published))
    for name in measured:
        result.add_column(name, justify="right")
    everywhere = set.intersection(*(fixed_items(variant) for variant in plan.variants))
    for variant in plan.variants:
        own = [
            f"{path}={format_value(value)}"
            for path, value in flatten_groups(variant.fixed).items()
            if (path, repr(value)) not in everywhere and not is_default(variant, path)
        ]
        searched = [format_searched_knobs(variant, group) for group in variant.fixed]
        numbers = [variant.published.get(name, "") for name in measured]
        has = " ".join(filter(None, [*own, *searched]))
        result.add_row(variant.label, has, *numbers)
    return result


def fixed_items(variant: Variant) -> set[tuple[str, str]]:
    """Return path and repr of each fixed value of a variant."""
    return {(path, repr(value)) for path, value in flatten_groups(variant.fixed).items()}


def is_default(variant: Variant, path: str) -> bool:
    """Return whether a knob of a variant has its default value."""
    group, _, knob = path.partition(".")
    values = variant.fixed[group]
    knobs = GROUPS[group].member_knobs(member_name(values))
    return bool(knob) and values[knob] == knobs[knob].default


def format_searched_knobs(variant: Variant, group: str) -> str:
    """Format the searched knobs of a group as they are typed."""
    return " ".join(
        f"{path.partition('.')[2]}={format_with_prior(domain)}"
        for path, domain in variant.searched.items()
        if path.startswith(f"{group}.")
    )


def format_member(values: Mapping[str, object]) -> str:
    """Format the member and knobs of a group as they are typed."""
    name = [str(values["name"])] if "name" in values else []
    return " ".join([*name, *(f"{k}={format_value(v)}" for k, v in values.items() if k != "name")])
