"""What `dry_run=true` prints: the plan, the ranges, the cells of a table, and the cost."""

from collections.abc import Callable, Iterator, Mapping

from rich.console import Console
from rich.table import Table

from trainables.groups import GROUPS
from trainables.images import AbsentError
from trainables.problems import InputError
from tuner.domains import spelled
from tuner.estimate import Estimate, Spread, estimate, total
from tuner.outlook import described
from tuner.plan import Plan, Variant, flat
from tuner.run import device
from tuner.spoken import amount, clock, hour, shown


def preview(console: Console, plan: Plan, concurrency: int, gpu: float) -> None:
    """Print what a plan would do and what it would cost; run no trial.

    Args:
        console: Where to.
        plan: The study.
        concurrency: Trials at a time.
        gpu: Share of a GPU that each takes.

    Raises:
        InputError: If it could not be run.
    """
    say(
        console,
        f"space {plan.space}, recipe {plan.recipe}: {plan.trials} trials of up to {plan.epochs} "
        f"epochs, seed {plan.settings.seed}, {concurrency} at a time",
        f"searcher: {words(plan.searcher)}",
        f"scheduler: {words(plan.scheduler)}",
        *(f"caution: {caution}" for caution in plan.cautions),
    )
    console.print(groups(plan))
    if len(plan.variants) > 1:
        console.print()
        console.print(alternatives(plan))
    try:
        whole = estimate(plan, device(gpu))
    except AbsentError as error:
        say(console, f"Cost unknown. data: {error}")
        return
    except Exception as error:  # a user's file can fail in any way
        raise InputError([f"a step of training fails ({described(error)})."]) from error
    say(console, *bill(plan, whole, concurrency, gpu))


def bill(plan: Plan, whole: Estimate, concurrency: int, gpu: float) -> Iterator[str]:
    """Yield what a plan costs, in words."""
    yield (
        f"Cost of a trial on this machine, {basis(plan, whole)}: "
        f"{between(whole.passes, '{:.3g}'.format)} image gradients, about "
        f"{between(whole.seconds, clock)}, {between(whole.disk, amount)} on disk."
    )
    everything = total(plan, whole, concurrency, gpu)
    yield (
        f"In all at most about {clock(everything.seconds)}, finish at {hour(everything.seconds)}, "
        f"{everything.gpu_hours:.3g} GPU-hours, {amount(everything.disk)} on disk; "
        "less what early stopping saves."
    )


def basis(plan: Plan, whole: Estimate) -> str:
    """Return what an estimate rests on."""
    number = len(plan.variants) - whole.left_out
    variants = f" of {number} of {len(plan.variants)} variants" if len(plan.variants) > 1 else ""
    plural = "s" * (whole.timed > 1)
    return f"from {whole.timed} timed configuration{plural}{variants}"


def between(spread: Spread, shown: Callable[[float], str]) -> str:
    """Return a mean, and its range where that shows."""
    mean, low, high = map(shown, (spread.mean, spread.low, spread.high))
    return mean if low == high else f"{mean} ({low} to {high})"


def say(console: Console, *lines: str) -> None:
    """Print lines as they are."""
    for text in lines:
        console.print(text)


def groups(plan: Plan) -> Table:
    """Return what is searched and fixed in every variant, group by group."""
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
        result.add_row(group, ranges(first, group) if all(alike) else "", words(common))
    return result


def alternatives(plan: Plan) -> Table:
    """Return one row a variant: what it changes or searches, and what was published for it."""
    result = Table(box=None, header_style="dim", pad_edge=False)
    result.add_column("variant")
    result.add_column("has")
    measured = list(dict.fromkeys(key for v in plan.variants for key in v.published))
    for name in measured:
        result.add_column(name, justify="right")
    everywhere = set.intersection(*(spread(variant) for variant in plan.variants))
    for variant in plan.variants:
        own = [
            f"{path}={shown(value)}"
            for path, value in flat(variant.fixed).items()
            if (path, repr(value)) not in everywhere and not usual(variant, path)
        ]
        searched = [ranges(variant, group) for group in variant.fixed]
        numbers = [variant.published.get(name, "") for name in measured]
        has = " ".join(filter(None, [*own, *searched]))
        result.add_row(variant.label, has, *numbers)
    return result


def spread(variant: Variant) -> set[tuple[str, str]]:
    """Return each fixed value of a variant with its path, comparable whatever it is."""
    return {(path, repr(value)) for path, value in flat(variant.fixed).items()}


def usual(variant: Variant, path: str) -> bool:
    """Return whether a variant leaves a knob at its default."""
    group, _, knob = path.partition(".")
    values = variant.fixed[group]
    known = GROUPS[group].knobs(values.get("name"))
    return bool(knob) and values[knob] == known[knob].default


def ranges(variant: Variant, group: str) -> str:
    """Return what a variant searches in a group, as it would be typed."""
    return " ".join(
        f"{path.partition('.')[2]}={spelled(domain)}"
        for path, domain in variant.searched.items()
        if path.startswith(f"{group}.")
    )


def words(values: Mapping[str, object]) -> str:
    """Return the member and knobs of a group as they would be typed."""
    name = [str(values["name"])] if "name" in values else []
    return " ".join([*name, *(f"{k}={shown(v)}" for k, v in values.items() if k != "name")])
