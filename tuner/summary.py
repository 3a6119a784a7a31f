"""What is said at the end of a study."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from trainables.report import Report
from tuner.display import table
from tuner.progress import Progress
from tuner.record import Record
from tuner.spoken import clock, percent, shown


def summarise(
    console: Console, progress: Progress, where: Path | str, *, interrupted: bool
) -> None:
    """Print the table of all trials, the winner, what stopping saved and where it all lies."""
    console.print(table(progress))
    console.print()
    state = "Interrupted" if interrupted else "Done"
    counts = Counter(record.status for record in progress.records.values())
    counted = ", ".join(f"{number} {status}" for status, number in counts.items())
    words = [f"{state} after {clock(progress.elapsed)}: {counted or 'no trial began'}."]
    leader = progress.leader
    if leader is not None and leader.best and leader.last:
        words += winner(leader, leader.best, leader.last)
        words += [*unsatisfied(leader), *front(progress), *seeds(progress)]
    elif progress.records:
        words.append("No trial has a checkpoint, so there is no winner.")
    words += [saved(progress), f"Results: {where}"]
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


def winner(record: Record, best: Report, last: Report) -> list[str]:
    """Return what there is to say of the winner."""
    gap = best.val_robust_accuracy - last.val_robust_accuracy
    return [
        f"Winner: trial {record.trial_id} ({knobs(record)}): {accuracies(best)} on the validation "
        f"split, epoch {best.epoch}.",
        f"Its last epoch ({last.epoch}): robust {percent(last.val_robust_accuracy)} %; "
        f"robust overfitting gap {percent(gap)} points.",
    ]


def unsatisfied(leader: Record) -> Iterator[str]:
    """Yield that no trial satisfies the constraint, if none does: then not even the winner."""
    if not leader.feasible and leader.constraint and leader.best:
        missed = percent(leader.best.margin(leader.constraint))
        yield (
            f"No trial satisfies {leader.constraint}; the winner is the nearest, "
            f"{missed} points below."
        )


def front(progress: Progress) -> Iterator[str]:
    """Yield the Pareto front, if there are two objectives."""
    if not progress.goal.several:
        return
    yield f"Pareto front of robust and clean accuracy ({len(progress.front)}):"
    for record in progress.front:
        if best := record.best:
            yield f"  trial {record.trial_id} ({knobs(record)}): {accuracies(best)}."


def seeds(progress: Progress) -> Iterator[str]:
    """Yield what configurations came to over their seeds, the likeliest best first."""
    raced = sorted(progress.standings.items(), key=lambda item: -item[1].probability_best)
    if raced:
        yield "Over seeds, robust accuracy (the best epoch of each) and how likely it is the best:"
    for name, found in raced:
        spread = f" ± {percent(found.std)}" if found.n > 1 else ""
        yield (
            f"  trial {name} ({knobs(progress.records[name])}): {percent(found.mean)}{spread} %, "
            f"n={found.n}, best with {percent(found.probability_best)} %."
        )


def knobs(record: Record) -> str:
    """Return what tells a trial apart, in words."""
    return ", ".join(f"{path}={shown(value)}" for path, value in record.knobs.items())


def accuracies(best: Report) -> str:
    """Return both accuracies of an epoch, in words."""
    robust, clean = percent(best.val_robust_accuracy), percent(best.val_clean_accuracy)
    return f"robust {robust} %, clean {clean} %"


def saved(progress: Progress) -> str:
    """Return what early stopping saved, in epochs."""
    run = sum(len(record.reports) for record in progress.records.values())
    whole = len(progress.records) * progress.epochs
    share = f" ({percent(1 - run / whole)} % saved by stopping early)" if whole else ""
    return f"Ran {run} of {whole} epochs{share}."
