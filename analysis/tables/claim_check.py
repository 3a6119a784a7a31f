"""Whether our seeds support a conclusion of a paper, as a sentence."""

import math
from collections.abc import Mapping, Sequence

from analysis.statistics import SeedComparison, compare_seeds
from analysis.tables.cells import Cell
from analysis.tables.claims import Claim
from analysis.tables.metrics import METRICS, format_heading

SeedValues = Mapping[int, float]


def check_claim(claim: Claim, cells: Sequence[Cell]) -> str:
    """Return whether our seeds support a claim, with the measurement and the number of seeds.

    Test numbers are compared if both cells have two seeds of them, else validation accuracies.
    """
    first, second = (find_cell(parts, cells) for parts in (claim.a, claim.b))
    source = f"{claim.location}{format_published_pair(claim, first, second)}"
    statement = f"{claim.statement[0].upper()}{claim.statement[1:]} ({source})"
    if first is None or second is None:
        return f"{statement}: not run here."
    a, b = first.test_values(claim.metric), second.test_values(claim.metric)
    what = format_heading(claim.metric).removesuffix(" %")
    if not METRICS[claim.metric].is_training_cost and min(len(a), len(b)) < 2:
        a, b = first.validation_values(claim.metric), second.validation_values(claim.metric)
        clean = claim.metric.startswith("clean")
        what = f"{'clean' if clean else 'PGD'} accuracy on validation images"
    elif not METRICS[claim.metric].is_training_cost:
        what = f"{what} on test images"
        if METRICS[claim.metric].is_error:
            a, b = ({seed: 1 - error for seed, error in each.items()} for each in (a, b))
            what = what.replace("error", "accuracy")
    else:
        a, b = ({seed: -math.log(minutes) for seed, minutes in each.items()} for each in (a, b))
        what = "speed, in percent"
    answer, found = answer_claim(claim, a, b)
    return f"{statement}: {answer}{format_comparison(found, what)}."


def find_cell(parts: str, cells: Sequence[Cell]) -> Cell | None:
    """Return the cell whose label has these parts, preferring a label with only these.

    `None`: no cell has them.

    Raises:
        ValueError: If there are several, which is a mistake in the claim.
    """
    wanted = set(parts.split(", "))
    found = [each for each in cells if wanted <= set(each.label.split(", "))]
    alone = [each for each in found if wanted == set(each.label.split(", "))]
    if len(found) > 1 and len(alone) != 1:
        raise ValueError(f"{parts!r} is several cells")
    return next(iter(alone or found), None)


def answer_claim(claim: Claim, a: SeedValues, b: SeedValues) -> tuple[str, SeedComparison | None]:
    """Return yes, no or not enough seeds, and the comparison behind it; `None`: one is empty."""
    if not a or not b:
        return "not run here", None
    seeds = sorted(a.keys() & b.keys())
    paired = len(seeds) > 1
    one = [a[seed] for seed in seeds] if paired else list(a.values())
    other = [b[seed] for seed in seeds] if paired else list(b.values())
    found = compare_seeds(one, other, paired=paired)
    if claim.relation == "above":
        return found.verdict, found
    back = compare_seeds(other, one, paired=paired)
    against = [found] if claim.relation == "not above" else [found, back]
    if any(each.verdict == "yes" for each in against):
        return "no", found
    agrees = all(each.verdict == "no" for each in against)
    return "yes" if agrees else "not enough seeds", found


def format_published_pair(claim: Claim, first: Cell | None, second: Cell | None) -> str:
    """Return the paper's two numbers, if it has them."""
    each = [cell.published.get(claim.metric) for cell in (first, second) if cell]
    if len(each) < 2 or None in each:
        return ""
    return f"; published {format_heading(claim.metric)}: {each[0]} and {each[1]}"


def format_comparison(found: SeedComparison | None, what: str) -> str:
    """Return a comparison in words: difference, interval, p, seeds."""
    if found is None:
        return ""
    interval = f" [{100 * found.low:+.2f}, {100 * found.high:+.2f}], p = {found.p:.2g}"
    spread = "" if math.isnan(found.low) else interval
    pairs = f"{found.n[0]} pairs of seeds"
    seeds = pairs if found.is_paired else f"{found.n[0]} and {found.n[1]} seeds"
    return f"; {100 * found.difference:+.2f} points{spread} of {what}, {seeds}"
