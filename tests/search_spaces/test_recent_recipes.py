"""Recipes of recent papers, by the configurations in their code, and spaces of their parts."""

import pytest

from trainables.hparams.registry import load_member
from tuner.config.compose import compose_plan
from tuner.search import parse_search_arguments

EMA = {"average.name": "ema", "average.decay": 0.995}


def compose(*words):
    return compose_plan(*parse_search_arguments(list(words)))


def configured(recipe):
    """Return the epochs and the whole configuration, defaults and all."""
    plan = compose(f"recipe={recipe}", "optimizer.lr_batch_size=grid(1,2)")
    (variant,) = plan.variants
    return plan.epochs, variant.fixed


@pytest.mark.parametrize(
    ("recipe", "epochs", "knobs"),
    [
        (
            # wzekai99/DM-Improves-AT b390f25: README.md, core/utils/parser.py, watrain.py
            "wang2023",
            400,
            {
                "data.batch_size": 512,
                "data.padding": "zero",
                "model.name": "wrn_28_10",
                "model.activation": "silu",
                "method.name": "trades",
                "method.beta": 5.0,
                "criterion.smoothing": pytest.approx(0.1 * 9 / 10),
                "attack.steps": 10,
                "attack.step_size": 2 / 255,
                "attack.start": "random",
                "optimizer.lr": 0.2,
                "optimizer.nesterov": True,
                "optimizer.weight_decay": 5e-4,
                "schedule.name": "one_cycle",
                "schedule.shape": "cosine",
                "schedule.first": 1 / 25,
                "schedule.peak": 0.025,
                "average.warmup": True,
                "average.max_share": 0.0,
                **EMA,
            },
        ),
        (
            # bbartoldson/Adversarial-Robustness-Limits b22988f: example_run_for_scaling_laws.json
            "bartoldson2024",
            100,
            {
                "data.batch_size": 1024,
                "model.depth": 28,
                "model.widen": 8,
                "model.activation": "silu",
                "method.beta": 5.0,
                "optimizer.lr": 0.3,
                "optimizer.nesterov": True,
                "schedule.peak": 0.025,
                **EMA,
            },
        ),
        (
            # imrahulr/hat 3177a4f: README.md, core/utils/parser.py, core/utils/train.py
            "rade2021",
            50,
            {
                "data.batch_size": 128,
                "model.name": "resnet18",
                "model.normalize": "none",
                "method.beta": 2.5,
                "attack.step_size": 2 / 255,
                "attack.start": "gaussian",
                "optimizer.lr": 0.21,
                "optimizer.nesterov": True,
                "optimizer.weight_decay": 5e-4,
                "schedule.name": "one_cycle",
                "schedule.shape": "cosine",
                "schedule.first": 1 / 25,
                "schedule.peak": 0.25,
                "average.name": "none",
            },
        ),
        (
            # nmndeep/revisiting-at d7166c0: README.md, run_train.sh, main.py, parserr.py
            "singh2023_convnext",
            300,
            {
                "threat.eps": 4 / 255,
                "data.policy": "rand_augment",
                "data.policy_level": 27,
                "data.mixup": 0.8,
                "data.cutmix": 1.0,
                "criterion.smoothing": pytest.approx(0.1 * 999 / 1000),
                "attack.steps": 2,
                "optimizer.name": "adamw",
                "optimizer.lr": 1e-3,
                "optimizer.weight_decay": 0.05,
                "schedule.name": "cosine",
                "schedule.warmup": 20 / 300,
                "average.decay": 0.9999,
                "average.warmup": False,
            },
        ),
        (
            "speedrun_60s",
            25,
            {
                "model.name": "preact_resnet18",
                "method.name": "n_fgsm",
                "attack.name": "n_fgsm",
                "criterion.smoothing": pytest.approx(0.4 * 9 / 10),
                "schedule.name": "one_cycle",
                **EMA,
            },
        ),
        (
            "speedrun_3min",
            40,
            {
                "attack.name": "pgd",
                "attack.steps": 3,
                "attack.step_size": pytest.approx(2 * 8 / 255 / 3),
                "model.activation": "silu",
            },
        ),
        (
            "modern",
            100,
            {
                "model.name": "preact_resnet18",
                "model.activation": "silu",
                "data.policy": "idbh_weak",
                "data.crop": 0,
                "data.flip": True,
                "criterion.smoothing": 0.1,
                "schedule.name": "cosine",
                **EMA,
            },
        ),
    ],
)
def test_what_the_papers_and_their_code_say(recipe, epochs, knobs):
    run, config = configured(recipe)
    values = {path: config[path.partition(".")[0]][path.partition(".")[2]] for path in knobs}
    assert values == knobs
    assert run == epochs


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("rade2021", "stands in for it"),
        ("singh2023_convnext", "PGD stands in"),
        ("speedrun_60s", "not measured"),
        ("speedrun_3min", "not measured"),
        ("modern", "not yet from a search"),
    ],
)
def test_a_recipe_says_what_it_does_not_have(recipe, words):
    assert words in " ".join(load_member("search_spaces.recipes", recipe).__doc__.split())


def test_modern_joint_combines_methods_averages_and_augmentations():
    """Three, two and three; N-FGSM has noise, TRADES has beta."""
    plan = compose("space=modern_joint", "recipe=cifar10")
    assert len(plan.variants) == 18
    for variant in plan.variants:
        searched = {path for path in variant.searched}
        assert ("method.beta" in searched) == ("trades" in variant.label)
        assert ("attack.noise" in searched) == ("n_fgsm" in variant.label)
        assert ("average.start" in searched) == ("swa" in variant.label)
        assert (variant.fixed["data"]["crop"] == 0) == ("idbh" in variant.label)
        assert {"criterion.smoothing", "optimizer.weight_decay", "schedule.peak"} <= searched


def test_the_comparison_trains_as_the_benchmark_does():
    plan = compose("space=fastat_comparison")
    assert plan.epochs == 100
    assert {variant.label for variant in plan.variants} >= {"fgsm_at", "n_fgsm", "nu_at", "free_at"}
    assert all("criterion.smoothing" in variant.searched for variant in plan.variants)
    for variant in plan.variants:
        assert variant.fixed["model"]["name"] == "resnet18"
        assert variant.fixed["average"]["decay"] == 0.9995
        assert variant.fixed["optimizer"]["lr"] == 0.1


def test_a_sweep_has_eight_radii_of_each_method():
    """2, 4, ..., 16 of 255 for two methods."""
    plan = compose("space=eps_sweep", "method=grid(fgsm,n_fgsm)", "recipe=cifar10")
    assert plan.trials == 16
    assert plan.scheduler["name"] == "none"
    for variant in plan.variants:
        radii = variant.searched["threat.eps"]["grid_search"]
        assert radii == [grey / 255 for grey in range(2, 17, 2)]
