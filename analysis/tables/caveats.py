"""Caveats about our numbers that a comparison must state."""

from collections import Counter
from collections.abc import Iterator, Sequence

from analysis.tables.cells import Cell, find_worst_cases
from analysis.tables.metrics import METRICS, format_heading
from analysis.tables.papers import PaperTable
from analysis.tables.runs import changes_task


def list_caveats(some: Sequence[Cell], words: Sequence[str]) -> Iterator[str]:
    """Yield notes on how our numbers were obtained.

    Args:
        some: The cells.
        words: What was typed that makes them something else than the table's.
    """
    yield (
        "Validation: at the selected epoch, on images held out from training, under the study's "
        "own PGD. No published number is of that kind."
    )
    if words:
        effect = "no differences are given" if changes_task(words) else "so mind the differences"
        yield f"Not run as published, {effect}: {' '.join(words)}."
    yield from describe_test_numbers(some)
    if any(
        METRICS[name].is_training_cost
        for cell in some
        for name in cell.published
        if name in METRICS
    ):
        yield "Minutes depend on the machine; only the ratios of lines compare."
    if sources := list(dict.fromkeys(source for cell in some for source in cell.sources)):
        titles = ", ".join(list_titles(sources))
        yield f"Lines with published numbers ran their very settings: {titles}."


def describe_test_numbers(some: Sequence[Cell]) -> Iterator[str]:
    """Yield what our test numbers measure, or the command that would measure them."""
    images = sorted({n for cell in some for found in cell.results.values() for n in found.images})
    asked = {name for cell in some for name in cell.published if name in METRICS}
    if images:
        yield f"Test: {', '.join(map(str, images))} images of the test split, same checkpoints."
    elif any(not METRICS[name].is_training_cost for name in asked):
        yield "No test number of ours yet; attuner evaluate FOLDER makes them."
    for metric, others in find_worst_cases(some):
        if metric in asked:
            names = ", ".join(sorted(others))
            yield f"{format_heading(metric)} of ours: worst case with {names} as well."


def describe_left_out(reasons: Sequence[str]) -> Iterator[str]:
    """Yield which trials are left out.

    >>> list(describe_left_out(["2 stopped", "1 failed", "1 failed"]))
    ['Trials left out: 2 stopped, 2 failed.']
    """
    counts: Counter[str] = Counter()
    for reason in reasons:
        number, _, why = reason.partition(" ")
        counts[why] += int(number)
    if counts:
        listed = ", ".join(f"{number} {why}" for why, number in counts.items())
        yield f"Trials left out: {listed}."


def describe_many_verdicts(verdicts: Sequence[str]) -> Iterator[str]:
    """Yield a warning if many conclusions are tested at once."""
    if len(verdicts) > 1:
        yield (
            "Each verdict has a separate 95 % interval: without any effect about one in twenty "
            "verdicts is wrong."
        )


def list_titles(sources: Sequence[PaperTable]) -> list[str]:
    """Return the titles of tables."""
    return [source.title for source in sources]
