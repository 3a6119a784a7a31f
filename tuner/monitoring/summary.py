"""Summary at the end of a study."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from trainables.training.report import Report
from tuner.cli.console import print_table
from tuner.cli.format import format_duration, format_percent, format_value
from tuner.config.class_balance import WinnerAccuracies, describe_winner_balance
from tuner.monitoring.trials_table import trials_table
from tuner.state.savings import EpochCounts, count_epochs
from tuner.state.study import StudyProgress
from tuner.state.trial import Record


def print_summary(
    console: Console, progress: StudyProgress, results: Path | str, *, interrupted: bool
) -> None:
    """Print all trials, the winner, the savings of early stopping and the results path."""
    width = console.width if console.is_terminal else None
    print_table(console, trials_table(progress, width=width))
    console.print()
    state = "Interrupted" if interrupted else "Done"
    counts = Counter(record.shown_status for record in progress.records.values())
    counted = ", ".join(f"{number} {status}" for status, number in counts.items())
    words = [
        f"{state} after {format_duration(progress.elapsed_seconds)}: {counted or 'no trial began'}."
    ]
    leader = progress.leader
    if leader is not None and leader.best_report and leader.last_report:
        words += format_winner(leader, leader.best_report, leader.last_report)
        words += format_class_balance(progress, leader, leader.best_report)
        words += [
            *format_constraint_violation(leader),
            *format_pareto_front(progress),
            *format_seeds(progress),
        ]
    elif progress.records:
        words.append("No trial has a checkpoint, so there is no winner.")
    words.append(format_savings(progress, interrupted=interrupted))
    for text in words:
        console.print(text)
    words = [f"Results: {results}"]
    for record in progress.records.values():
        if record.status == "failed":
            words.append(f"Trial {record.trial_id} failed: {record.error}")
        if record.collapsed_at:
            words.append(
                f"Trial {record.trial_id} collapsed at step {record.collapsed_at}: its one-step "
                "attack no longer finds what PGD finds."
            )
    for text in words:
        console.print(text, soft_wrap=True)


def format_winner(record: Record, best: Report, last: Report) -> list[str]:
    """Return lines about the winner."""
    gap = best.val_robust_accuracy - last.val_robust_accuracy
    return [
        f"Winner: trial {record.trial_id} ({format_knobs(record)}): {format_accuracies(best)} "
        f"on the validation split, epoch {best.epoch}.",
        f"Its last epoch ({last.epoch}): robust {format_percent(last.val_robust_accuracy)} %; "
        f"robust overfitting gap {format_percent(gap)} points.",
    ]


def format_class_balance(progress: StudyProgress, leader: Record, best: Report) -> Iterator[str]:
    """Yield what imbalanced classes of the validation split mean for the winner."""
    yield from describe_winner_balance(
        progress.class_balances.get(str(leader.knobs.get("variant", ""))),
        WinnerAccuracies(
            robust=best.val_robust_accuracy,
            clean=best.val_clean_accuracy,
            balanced_robust=best.val_balanced_robust_accuracy,
            balanced_clean=best.val_balanced_clean_accuracy,
        ),
    )


def format_constraint_violation(leader: Record) -> Iterator[str]:
    """Yield a note if no trial satisfies the constraint."""
    if not leader.is_feasible and leader.constraint and leader.best_report:
        missed = format_percent(leader.best_report.violation(leader.constraint))
        yield (
            f"No trial satisfies {leader.constraint}; the winner is the nearest, "
            f"{missed} points below."
        )


def format_pareto_front(progress: StudyProgress) -> Iterator[str]:
    """Yield the Pareto front, if there are two objectives."""
    if not progress.goal.is_multi_objective:
        return
    yield f"Pareto front of robust and clean accuracy ({len(progress.pareto_front)}):"
    for record in progress.pareto_front:
        if best := record.best_report:
            yield f"  trial {record.trial_id} ({format_knobs(record)}): {format_accuracies(best)}."


def format_seeds(progress: StudyProgress) -> Iterator[str]:
    """Yield results of configurations over seeds, by descending probability of being best."""
    ranked = sorted(progress.seed_statistics.items(), key=lambda item: -item[1].probability_best)
    if ranked:
        yield "Over seeds, robust accuracy (the best epoch of each) and how likely it is the best:"
    for name, statistics in ranked:
        spread = f" ± {format_percent(statistics.std)}" if statistics.n > 1 else ""
        yield (
            f"  trial {name} ({format_knobs(progress.records[name])}): "
            f"{format_percent(statistics.mean)}{spread} %, n={statistics.n}, "
            f"best with {format_percent(statistics.probability_best)} %."
        )


def format_knobs(record: Record) -> str:
    """Return the searched knobs of a trial as text."""
    return ", ".join(f"{path}={format_value(value)}" for path, value in record.knobs.items())


def format_accuracies(best: Report) -> str:
    """Return both accuracies of an epoch as text."""
    robust, clean = (
        format_percent(best.val_robust_accuracy),
        format_percent(best.val_clean_accuracy),
    )
    return f"robust {robust} %, clean {clean} %"


def find_savings(progress: StudyProgress, *, interrupted: bool) -> EpochCounts | None:
    """Return the epochs that were run and those without early stopping; `None`: unknown.

    After an interruption nothing is known about savings: trials that were to run have not.
    """
    if interrupted or progress.is_out_of_time:
        return None
    return count_epochs(progress.records.values(), progress.levels[-1].epochs)


def format_savings(progress: StudyProgress, *, interrupted: bool) -> str:
    """Return the epochs that were run and, if the study is complete, the share that was saved."""
    run = sum(len(record.reports) for record in progress.records.values())
    counts = find_savings(progress, interrupted=interrupted)
    if counts is None or counts.run == counts.full_runs:
        return f"Ran {run} epochs."
    share = counts.share_saved
    saved = (
        f"Early stopping saved {format_percent(share)} %: without it"
        if share > 0
        else f"Short runs cost {format_percent(-share)} % more: without early stopping"
    )
    left_out = (
        ""
        if counts.run == run
        else f" Counted: {counts.run} epochs of complete or stopped trials, first seeds only."
    )
    return f"Ran {run} epochs. {saved}, {counts.full_runs} epochs.{left_out}"
