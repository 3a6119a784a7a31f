"""Say what a study will run, and on what, before the first slow step."""

from collections import Counter
from dataclasses import asdict

import torch
from rich.console import Console

from tuner.cli.console import JsonConsole
from tuner.config.plan import Plan
from tuner.config.settings import Settings, count_cores
from tuner.monitoring.json_log import StudyEvent
from tuner.storage.results_store import LocalStore


def announce_study(plan: Plan, store: LocalStore, console: Console, *, is_resumed: bool) -> None:
    """Print what a study will run.

    Args:
        plan: The plan.
        store: The results folder.
        console: Where to print.
        is_resumed: Whether an earlier study is resumed.
    """
    if isinstance(console, JsonConsole):
        event = describe_study_event(plan, store, is_resumed=is_resumed)
        console.print_event("study", asdict(event))
        return
    searched = ", ".join(list_searched(plan)) or "nothing"
    console.print(
        f"Searching {searched}: {plan.trials} trials of up to {plan.epochs} epochs (space "
        f"{plan.space}, recipe {plan.recipe}, scheduler {plan.scheduler['name']}, searcher "
        f"{plan.searcher['name']})."
    )
    console.print(
        f"On {describe_hardware(plan.settings)}, in {plan.settings.precision}. How long it takes "
        "is known after the first epoch; dry_run=true estimates it."
    )


def list_searched(plan: Plan) -> list[str]:
    """Return the paths of the searched knobs, and "variant" if there are several."""
    variants = ["variant"] if len(plan.variants) > 1 else []
    return [*variants, *dict.fromkeys(path for v in plan.variants for path in v.searched)]


def describe_hardware(settings: Settings) -> str:
    """Return where trials run, in words."""
    if settings.address is not None:
        return f"the Ray cluster at {settings.address}"
    cores = f"{count_cores()} CPU cores"
    return f"{gpus} and {cores}" if (gpus := describe_gpus(settings)) else cores


def describe_gpus(settings: Settings) -> str:
    """Return number and names of the GPUs of this machine that trials use; empty: none."""
    if settings.gpu == 0 or not torch.cuda.is_available():
        return ""
    names = Counter(map(torch.cuda.get_device_name, range(torch.cuda.device_count())))
    return ", ".join(f"{number} {name}" for name, number in names.items())


def describe_study_event(plan: Plan, store: LocalStore, *, is_resumed: bool) -> StudyEvent:
    """Return the event of a study that begins; the arguments are those of `announce_study`."""
    is_local = plan.settings.address is None
    return StudyEvent(
        name=store.folder.name,
        results=str(store),
        is_resumed=is_resumed,
        space=plan.space,
        recipe=plan.recipe,
        trials=plan.trials,
        epochs=plan.epochs,
        scheduler=str(plan.scheduler["name"]),
        searcher=str(plan.searcher["name"]),
        searched=list_searched(plan),
        device=(describe_gpus(plan.settings) or "cpu") if is_local else None,
        precision=plan.settings.precision,
    )
