"""What is said at the end of a study."""

from collections import Counter
from pathlib import Path

from rich.console import Console

from trainables.report import Report
from tuner.display import clock, percent, shown, table
from tuner.progress import Progress, Record


def summarise(console: Console, progress: Progress, folder: Path, *, interrupted: bool) -> None:
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
    elif progress.records:
        words.append("No trial has a checkpoint, so there is no winner.")
    words += [saved(progress), f"Results: {folder}"]
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
    knobs = ", ".join(f"{path}={shown(value)}" for path, value in record.knobs.items())
    gap = best.val_robust_accuracy - last.val_robust_accuracy
    return [
        f"Winner: trial {record.trial_id} ({knobs}): robust {percent(best.val_robust_accuracy)} %, "
        f"clean {percent(best.val_clean_accuracy)} % on the validation split, epoch {best.epoch}.",
        f"Its last epoch ({last.epoch}): robust {percent(last.val_robust_accuracy)} %; "
        f"robust overfitting gap {percent(gap)} points.",
    ]


def saved(progress: Progress) -> str:
    """Return what early stopping saved, in epochs."""
    run = sum(len(record.reports) for record in progress.records.values())
    whole = len(progress.records) * progress.epochs
    share = f" ({percent(1 - run / whole)} % saved by stopping early)" if whole else ""
    return f"Ran {run} of {whole} epochs{share}."
