"""Print the ranking of trials, and save it to `ranking.json`."""

import itertools
import json
from collections.abc import Iterator
from datetime import date

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tuner.cli.console import print_table
from tuner.evaluation.prepare import Evaluation
from tuner.evaluation.ranking import Ranking
from tuner.layout import RANKING_FILE


def report_ranking(evaluation: Evaluation, ranking: Ranking, console: Console) -> pd.DataFrame:
    """Print and save a ranking; return its trials, best first."""
    path = evaluation.folder / RANKING_FILE
    path.write_text(json.dumps(describe_ranking(evaluation, ranking), indent=1) + "\n")
    print_table(console, build_ranking_table(evaluation, ranking))
    for line in format_ranking(evaluation, ranking):
        console.print(line, soft_wrap=True)
    console.print(f"The ranking is in {path}.", soft_wrap=True)
    return pd.DataFrame(describe_trials(evaluation, ranking))


def build_ranking_table(evaluation: Evaluation, ranking: Ranking) -> Table:
    """Return the table of the trials, best first."""
    suite = ", ".join(attack.label for attack in evaluation.attacks)
    title = (
        f"Ranking on {ranking.n_images} validation images, {evaluation.norm} eps "
        f"{evaluation.threat.eps:.4g}: {suite}"
    )
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    for heading in ("rank", "trial", "images", "robust %", "difference to the next, points"):
        table.add_column(heading, justify="right")
    networks = ranking.sorted_networks()
    for network, following in itertools.zip_longest(networks, networks[1:]):
        first, last = ranking.ranks(network)
        table.add_row(
            str(first) if first == last else f"{first}-{last}",
            evaluation.checkpoints[network].trial_id,
            str(len(ranking.robust[network])),
            f"{100 * ranking.accuracy(network):.1f}",
            "" if following is None else format_difference(ranking, network, following),
        )
    return table


def format_difference(ranking: Ranking, one: int, other: int) -> str:
    """Return the mean difference of two networks on common images, and its interval."""
    counts = ranking.compare((one, other))
    low, high = counts.interval(ranking.pair_error)
    return f"{100 * counts.mean:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def format_ranking(evaluation: Evaluation, ranking: Ranking) -> Iterator[str]:
    """Yield what is decided, what is not, and what was saved."""
    names = [each.trial_id for each in evaluation.checkpoints]
    undecided = list(filter(ranking.is_open, ranking.pairs))
    n_attacked = max(map(len, ranking.robust))
    for one, other in undecided:
        yield (
            f"Trials {names[one]} and {names[other]}: undecided after all {ranking.n_images} "
            f"images, {format_difference(ranking, one, other)} points."
        )
    if not undecided:
        what = "order" if ranking.goal == "order" else "best trial"
        yield (
            f"The {what} is decided after {n_attacked} of {ranking.n_images} images, with "
            f"{100 * (1 - ranking.error):g} % confidence."
        )
    yield f"{100 * ranking.saved:.0f} % of the passes of a full evaluation were saved."


def describe_trials(evaluation: Evaluation, ranking: Ranking) -> Iterator[dict[str, object]]:
    """Yield each trial, best first, with its ranks and accuracy."""
    for network in ranking.sorted_networks():
        best, worst = ranking.ranks(network)
        yield {
            "trial_id": evaluation.checkpoints[network].trial_id,
            "best_rank": best,
            "worst_rank": worst,
            "images": len(ranking.robust[network]),
            "robust_accuracy": ranking.accuracy(network),
        }


def describe_ranking(evaluation: Evaluation, ranking: Ranking) -> dict[str, object]:
    """Return the contents of `ranking.json`."""
    names = [each.trial_id for each in evaluation.checkpoints]
    pairs = []
    for one, other in ranking.pairs:
        counts = ranking.compare((one, other))
        low, high = counts.interval(ranking.pair_error)
        pairs.append({
            "trials": [names[one], names[other]],
            "images": counts.number,
            "difference": counts.mean,
            "low": low,
            "high": high,
            "decided": (one, other) in ranking.decided or (other, one) in ranking.decided,
        })
    return {
        "split": "validation",
        "images": ranking.n_images,
        "goal": ranking.goal,
        "confidence": 1 - ranking.error,
        "suite": [attack.label for attack in evaluation.attacks],
        "threat": evaluation.norm,
        "eps": evaluation.threat.eps,
        "precision": evaluation.settings.precision,
        "seed": evaluation.settings.seed,
        "trials": list(describe_trials(evaluation, ranking)),
        "pairs": pairs,
        "saved": ranking.saved,
        "date": str(date.today()),
    }
