"""Whether our seeds bear out what a paper concludes, as a sentence."""

import math
from collections.abc import Mapping, Sequence

from analysis.statistics import Comparison, compare
from analysis.tables.cells import Cell
from analysis.tables.claims import Claim
from analysis.tables.metrics import METRICS, heading

Numbers = Mapping[int, float]


def verdict(claim: Claim, cells: Sequence[Cell]) -> str:
    """Return what our seeds say of a claim, with what was measured and on how many seeds.

    Test numbers are asked where both cells have them of two seeds, validation accuracy else.
    """
    first, second = (cell(parts, cells) for parts in (claim.a, claim.b))
    said = f"{claim.says[0].upper()}{claim.says[1:]} ({claim.where}{printed(claim, first, second)})"
    if first is None or second is None:
        return f"{said}: not run here."
    a, b = first.tested(claim.metric), second.tested(claim.metric)
    what = heading(claim.metric).removesuffix(" %")
    if not METRICS[claim.metric].of_training and min(len(a), len(b)) < 2:
        a, b = first.validated(claim.metric), second.validated(claim.metric)
        clean = claim.metric.startswith("clean")
        what = f"{'clean' if clean else 'PGD'} accuracy on validation images"
    elif not METRICS[claim.metric].of_training:
        what = f"{what} on test images"
        if METRICS[claim.metric].error:
            a, b = ({seed: 1 - error for seed, error in each.items()} for each in (a, b))
            what = what.replace("error", "accuracy")
    else:
        a, b = ({seed: -math.log(minutes) for seed, minutes in each.items()} for each in (a, b))
        what = "speed, in percent"
    answer, found = answered(claim, a, b)
    return f"{said}: {answer}{measures(found, what)}."


def cell(parts: str, cells: Sequence[Cell]) -> Cell | None:
    """Return the cell whose label has these parts, if need be these alone; none if none has.

    Raises:
        ValueError: If there are several, which is a mistake in the claim.
    """
    wanted = set(parts.split(", "))
    found = [each for each in cells if wanted <= set(each.label.split(", "))]
    alone = [each for each in found if wanted == set(each.label.split(", "))]
    if len(found) > 1 and len(alone) != 1:
        raise ValueError(f"{parts!r} is several cells")
    return next(iter(alone or found), None)


def answered(claim: Claim, a: Numbers, b: Numbers) -> tuple[str, Comparison | None]:
    """Return yes, no or not enough seeds, and the comparison behind it; none where one is empty."""
    if not a or not b:
        return "not run here", None
    seeds = sorted(a.keys() & b.keys())
    paired = len(seeds) > 1
    one = [a[seed] for seed in seeds] if paired else list(a.values())
    other = [b[seed] for seed in seeds] if paired else list(b.values())
    found = compare(one, other, paired=paired)
    if claim.holds == "above":
        return found.verdict, found
    back = compare(other, one, paired=paired)
    against = [found] if claim.holds == "not above" else [found, back]
    if any(each.verdict == "yes" for each in against):
        return "no", found
    agrees = all(each.verdict == "no" for each in against)
    return "yes" if agrees else "not enough seeds", found


def printed(claim: Claim, first: Cell | None, second: Cell | None) -> str:
    """Return the paper's two numbers, where it has them."""
    each = [cell.published.get(claim.metric) for cell in (first, second) if cell]
    if len(each) < 2 or None in each:
        return ""
    return f"; published {heading(claim.metric)}: {each[0]} and {each[1]}"


def measures(found: Comparison | None, what: str) -> str:
    """Return a comparison in words: difference, interval, p, seeds."""
    if found is None:
        return ""
    interval = f" [{100 * found.low:+.2f}, {100 * found.high:+.2f}], p = {found.p:.2g}"
    spread = "" if math.isnan(found.low) else interval
    pairs = f"{found.n[0]} pairs of seeds"
    seeds = pairs if found.paired else f"{found.n[0]} and {found.n[1]} seeds"
    return f"; {100 * found.difference:+.2f} points{spread} of {what}, {seeds}"
