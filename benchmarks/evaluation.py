"""Compare with pyautoattack: `uv run python -m benchmarks.evaluation FOLDER verdicts|times N`.

FOLDER is a results folder. `compare_accuracies` runs each part of AutoAttack on the same N test
images both ways, with several seeds; robust accuracies should agree. `compare_times` times
AutoAttack as a whole, and PGD-100 with 10 restarts against a loop that attacks every image to the
end, in turn, on N images.
"""

import json
import platform
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import mean, median

import torch
import torch.nn.functional as F
from pyautoattack import AutoAttack
from torch import Tensor, nn

from trainables.evaluation.attack_state import AttackState
from trainables.evaluation.attempt import correct_mask, run_attack
from trainables.networks.memory_format import to_channels_last
from tuner.config.settings import count_cores
from tuner.evaluation.prepare import Evaluation, prepare_evaluation
from tuner.evaluation.suites import Attack

ROUNDS = 3
SEEDS = (0, 1, 2)
PACKAGE_NAMES = {"apgd_ce": "apgd-ce", "apgd_dlr": "apgd-dlr", "apgd_t": "apgd-t", "fab_t": "fab-t"}
"""The package's names for what is called otherwise here."""
BATCH = 100


def main(folder: str, what: str, number: str) -> None:
    """Measure, print and keep the numbers."""
    torch.set_num_threads(count_cores())
    suite = [*PACKAGE_NAMES, "square"] if what == "verdicts" else ["autoattack", "pgd_100_10"]
    evaluation = prepare_evaluation(
        [folder], {"suite": suite, "images": int(number), "batch": BATCH}, []
    )
    measured = compare_accuracies(evaluation) if what == "verdicts" else compare_times(evaluation)
    hardware = f"{count_cores()}-core-{platform.machine()}"
    name = Path(folder).name
    kept = {
        "command": f"python -m benchmarks.evaluation {name} {what} {number}",
        "date": str(date.today()),
        "hardware": hardware,
        **measured,
    }
    path = Path(__file__).parent / f"evaluation_{what}_{name}_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def compare_accuracies(evaluation: Evaluation) -> dict[str, object]:
    """Return the robust accuracy by each attack alone, ours and the package's."""
    model = evaluation.checkpoints[0].load()
    x, y = load_pixels(evaluation)
    found = {}
    for attack in evaluation.attacks:
        package = [PACKAGE_NAMES.get(attack.label, attack.label)]
        ours = [evaluate_ours(model, evaluation, [attack], seed) for seed in SEEDS]
        theirs = [evaluate_package(model, evaluation, x, y, package, seed) for seed in SEEDS]
        points = round(100 * (mean(ours) - mean(theirs)), 2)
        each = {"ours": ours, "pyautoattack": theirs}
        accuracies = {who: [round(value, 4) for value in values] for who, values in each.items()}
        found[attack.label] = accuracies | {"points": points}
        print(f"{attack.label}: {found[attack.label]}", flush=True)
    return {"images": len(y), "seeds": SEEDS, "robust_accuracy": found}


def compare_times(evaluation: Evaluation) -> dict[str, object]:
    """Return seconds and ratios of AutoAttack and of PGD."""
    model = evaluation.checkpoints[0].load()
    x, y = load_pixels(evaluation)
    *suite, pgd = evaluation.attacks
    eps = evaluation.threat.eps
    contenders: dict[str, Callable[[], float]] = {
        "autoattack": lambda: evaluate_ours(model, evaluation, suite),
        "pyautoattack": lambda: evaluate_package(model, evaluation, x, y, None),
        "pgd_100_10": lambda: evaluate_ours(model, evaluation, [pgd]),
        "plain loop": lambda: evaluate_plain_loop(model, x, y, eps),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    robust: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            start = time.perf_counter()
            robust[name].append(contender())
            seconds[name].append(round(time.perf_counter() - start, 2))
            print(f"{name}: {seconds[name][-1]:.1f} s, robust {robust[name][-1]:.3f}", flush=True)
    ratios = {
        f"{ours} / {theirs}": round(compute_median_ratio(seconds[ours], seconds[theirs]), 3)
        for ours, theirs in (("autoattack", "pyautoattack"), ("pgd_100_10", "plain loop"))
    }
    print(ratios)
    return {"images": len(y), "seconds": seconds, "robust_accuracy": robust, "ratios": ratios}


def compute_median_ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios round by round."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))


def load_pixels(evaluation: Evaluation) -> tuple[Tensor, Tensor]:
    """Return the images (N, C, H, W) in [0, 1] and their labels (N,)."""
    return next(evaluation.images.stream([torch.arange(len(evaluation.images))]))


def evaluate_ours(
    model: nn.Module, evaluation: Evaluation, suite: list[Attack], seed: int = 0
) -> float:
    """Return the robust accuracy under a suite of ours."""
    to_channels_last(model)
    standing = correct_mask(model, evaluation.images, BATCH)
    for attack in suite:
        verdict = AttackState(standing)
        verdict.batch = BATCH
        run_attack(
            model,
            evaluation.images,
            attack.build_attempts(evaluation.classes),
            verdict,
            threat=evaluation.threat,
            seed=seed,
            save=lambda *_: None,
        )
        standing = verdict.robust_mask
    return float(standing.float().mean())


def evaluate_package(
    model: nn.Module,
    evaluation: Evaluation,
    x: Tensor,
    y: Tensor,
    attacks: list[str] | None,
    seed: int = 0,
) -> float:
    """Return the robust accuracy by the package, called as in its README; no attacks: all."""
    model.to(memory_format=torch.contiguous_format)
    settings = {"norm": {"linf": "Linf", "l2": "L2"}[evaluation.norm], "eps": evaluation.threat.eps}
    version = "custom" if attacks else "standard"
    adversary = AutoAttack(model, version=version, attacks=attacks, seed=seed, **settings)
    # the custom version leaves at 5 what the standard one sets to 1
    adversary.apgd.n_restarts = adversary.fab.n_restarts = 1
    x_adv, _ = adversary.run_standard_evaluation(x, y, batch_size=BATCH)
    with torch.no_grad():
        return float((model(x_adv).argmax(dim=1) == y).float().mean())


def evaluate_plain_loop(model: nn.Module, x: Tensor, y: Tensor, eps: float) -> float:
    """Return the robust accuracy under PGD-100 with 10 restarts that drops nothing."""
    model.to(memory_format=torch.contiguous_format)
    robust = torch.ones_like(y, dtype=torch.bool)
    for _ in range(10):
        for rows in torch.arange(len(y)).split(BATCH):
            some, labels = x[rows], y[rows]
            delta = torch.empty_like(some).uniform_(-eps, eps)
            delta.data = (some + delta).clamp(0, 1) - some
            delta.requires_grad_()
            for _ in range(100):
                F.cross_entropy(model(some + delta), labels).backward()
                assert delta.grad is not None
                moved = (delta + eps / 4 * delta.grad.sign()).detach().clamp(-eps, eps)
                delta.data = (some + moved).clamp(0, 1) - some
                delta.grad.zero_()
            with torch.no_grad():
                robust[rows] &= model(some + delta).argmax(dim=1) == labels
    return float(robust.float().mean())


if __name__ == "__main__":
    main(*sys.argv[1:])
