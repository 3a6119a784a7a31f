"""Regret of replayed studies, compared with simple baselines at the same cost."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from trainables.errors import InputError
from tuner.cli.console import print_table
from tuner.cli.values import parse_columns
from tuner.config.plan import Plan
from tuner.replay.recordings import Archive, Recording, load_archive
from tuner.replay.simulate import Replay, ReplayPoint, select_last_level
from tuner.schedulers.core.factory import build_scheduler
from tuner.searchers.core.factory import build_sampler_factory, is_grid_search

REPLAY_FILE = "replay.parquet"
COST_SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""Shares of the full cost at which regret is reported."""
THIS_STUDY, RANDOM_SEARCH, ONE_EPOCH_FIRST = (
    "this study",
    "random, run to the end",
    "one epoch for all, then the best",
)


def replay_study(plan: Plan, console: Console, folder: Path) -> None:
    """Replay a study on recorded runs in many orders; print and save the results.

    Raises:
        InputError: If the runs cannot be read or do not fit the scheduler.
    """
    archive = load_archive(plan.settings.replay or "", parse_columns(plan.settings.columns))
    for line in archive.selection:
        console.print(line, soft_wrap=True)
    n_runs = len(archive.runs)
    if (plan.settings.trials or 0) > n_runs:
        raise InputError([
            f"trials: must be at most {n_runs}, the recorded runs, got {plan.settings.trials}."
        ])
    plan = replace(plan, trials=plan.settings.trials or n_runs, epochs=archive.levels[-1].epochs)
    orders = track(range(plan.settings.orders), "Replays", console=console, transient=True)
    frame = pd.DataFrame([row for order in orders for row in replay_rows(plan, archive, order)])
    folder.mkdir(parents=True)
    frame.to_parquet(folder / REPLAY_FILE)
    console.print(
        f"{n_runs} recorded runs of {archive.levels[-1]}, {plan.settings.orders} orders; "
        f"{plan.trials} trials, {plan.settings.concurrency or 1} at a time.",
        soft_wrap=True,
    )
    print_table(console, regret_table(frame))
    print_table(console, regret_by_cost(frame))
    console.print(f"Regret is in points of robust accuracy. Results: {folder / REPLAY_FILE}")


def replay_rows(plan: Plan, archive: Archive, order: int) -> Iterator[dict[str, object]]:
    """Yield each improvement in one order, of the study and of the baselines."""
    replay = Replay(
        archive,
        plan.variants,
        build_sampler_factory(plan),
        build_scheduler(plan, lr_drops=archive.lr_drops),
        plan.trials,
        is_grid=is_grid_search(plan),
        order=order,
    )
    points = list(replay.simulate(plan.settings.concurrency or 1))
    # the baselines make no short runs, so that they neither pay for them nor learn from them
    complete = [*select_last_level(archive)]
    runs = random.Random(order).sample(complete, plan.trials)
    spent = points[-1].cost
    contenders = {
        THIS_STUDY: points,
        RANDOM_SEARCH: list(run_to_end(runs, spent)),
        ONE_EPOCH_FIRST: list(run_best_after_one_epoch(runs, spent)),
    }
    full = sum(len(run.reports) for run in complete)
    top = max(run.best_accuracy for run in archive.runs)
    for name, curve in contenders.items():
        for point in (*select_improvements(curve), curve[-1]):
            yield {
                "contender": name,
                "order": order,
                "time": point.time,
                "cost": point.cost / full,
                "regret": 100 * (top - point.best_accuracy),
            }


def select_improvements(points: Sequence[ReplayPoint]) -> Iterator[ReplayPoint]:
    """Yield the points at which the best accuracy increases."""
    best = -1.0
    for point in points:
        if point.best_accuracy > best:
            best = point.best_accuracy
            yield point


def run_to_end(runs: Sequence[Recording], budget: int) -> Iterator[ReplayPoint]:
    """Yield the best accuracy of runs trained one after the other, until the budget is spent."""
    cost, best = 0, 0.0
    for run in runs:
        for report in run.reports:
            if cost == budget:
                return
            cost, best = cost + 1, max(best, report.val_robust_accuracy)
            yield ReplayPoint(cost, cost, best)


def run_best_after_one_epoch(runs: Sequence[Recording], budget: int) -> Iterator[ReplayPoint]:
    """Yield the best accuracy after one epoch of all runs, then of the best run to their ends."""
    best = max(run.reports[0].val_robust_accuracy for run in runs)
    yield ReplayPoint(len(runs), len(runs), best)
    ranked = sorted(runs, key=lambda run: -run.reports[0].val_robust_accuracy)
    rest = [replace(run, reports=run.reports[1:]) for run in ranked]
    for point in run_to_end(rest, budget - len(runs)):
        cost = point.cost + len(runs)
        yield ReplayPoint(cost, cost, max(best, point.best_accuracy))


def regret_table(frame: pd.DataFrame) -> Table:
    """Return the final regret of each contender."""
    result = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("", "regret: median", "quartiles", "90 %", "cost: median"):
        result.add_column(heading, justify="left" if not heading else "right")
    last = frame.groupby(["contender", "order"], sort=False).last()
    for name, ends in last.groupby("contender", sort=False):
        low, middle, high, most = ends["regret"].quantile([0.25, 0.5, 0.75, 0.9])
        result.add_row(
            str(name),
            f"{middle:.2f}",
            f"{low:.2f} to {high:.2f}",
            f"{most:.2f}",
            f"{100 * ends['cost'].median():.1f} %",
        )
    return result


def regret_by_cost(frame: pd.DataFrame) -> Table:
    """Return the median regret of each contender at shares of the full cost."""
    result = Table(box=None, header_style="dim", pad_edge=False, title="Median regret at a cost of")
    result.add_column("")
    for cost in COST_SHARES:
        result.add_column(f"{100 * cost:.0f} %", justify="right")
    for name, seen in frame.groupby("contender", sort=False):
        spent = seen.groupby("order")["cost"].max().median()
        regrets = [median_regret(seen, cost) if cost <= spent else math.nan for cost in COST_SHARES]
        result.add_row(str(name), *("" if math.isnan(each) else f"{each:.2f}" for each in regrets))
    return result


def median_regret(frame: pd.DataFrame, cost: float) -> float:
    """Return the median regret over orders at a cost; NaN before the first epoch."""
    so_far = frame[frame["cost"] <= cost]
    return float(so_far.groupby("order")["regret"].min().median())
