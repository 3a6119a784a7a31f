"""Recipes: the 21 rows of Bag of Tricks' Table 1, typed by hand, and those of other papers."""

import pytest

from trainables.hparams.registry import load_member
from tuner.config.compose import compose_plan
from tuner.search import parse_search_arguments

TABLE_1 = [
    # lr, epochs, drops, batch, weight decay; early-stopped attack, warm-up of lr, of eps
    ("madry2018", 0.1, 200, [100, 150], 128, 2e-4, False, False, False),
    ("cai2018", 0.1, 300, [150, 250], 200, 5e-4, False, False, True),
    ("zhang2019_trades", 0.1, 76, [75], 128, 2e-4, False, False, False),
    ("wang2019", 0.01, 120, [60, 100], 128, 1e-4, True, False, False),
    ("qin2019", 0.1, 110, [100, 105], 256, 2e-4, False, False, True),
    ("mao2019", 0.1, 80, [50, 60], 50, 2e-4, False, False, False),
    ("carmon2019", 0.1, 100, "cosine", 256, 5e-4, False, False, False),
    ("alayrac2019", 0.2, 64, [38, 46, 51], 128, 5e-4, False, False, False),
    ("shafahi2019", 0.1, 200, [100, 150], 128, 2e-4, False, False, False),
    ("zhang2019_yopo", 0.05, 105, [79, 90, 100], 256, 5e-4, False, False, False),
    ("zhang_wang2019", 0.1, 200, [60, 90], 60, 2e-4, False, False, False),
    ("atzmon2019", 0.01, 100, [50], 32, 1e-4, False, False, False),
    ("wong2020", 0.2, 30, "one_cycle", 128, 5e-4, False, True, False),
    ("rice2020", 0.1, 200, [100, 150], 128, 5e-4, False, False, False),
    ("ding2020", 0.3, 128, [51, 77, 102], 128, 2e-4, False, False, False),
    ("pang2020", 0.01, 200, [100, 150], 50, 1e-4, False, False, False),
    ("zhang2020", 0.1, 120, [60, 90, 110], 128, 2e-4, True, False, False),
    ("huang2020", 0.1, 200, "cosine", 256, 5e-4, False, True, False),
    ("cheng2020", 0.1, 200, [80, 140, 180], 128, 5e-4, False, False, False),
    ("lee2020", 0.1, 200, [100, 150], 128, 2e-4, False, False, False),
    ("xu2020", 0.1, 120, [60, 90], 256, 1e-4, False, False, False),
]
STAND_INS = {
    "pgd_at": [
        *("cai2018", "mao2019", "alayrac2019", "zhang_wang2019", "atzmon2019"),
        *("ding2020", "pang2020", "cheng2020", "lee2020", "xu2020"),
    ],
    "trades": ["carmon2019", "huang2020"],
}


def configured(recipe):
    """Return the epochs and the whole configuration, defaults and all."""
    plan = compose_plan(
        *parse_search_arguments([f"recipe={recipe}", "optimizer.lr_batch_size=grid(1,2)"])
    )
    (variant,) = plan.variants
    return plan.epochs, variant.fixed


@pytest.mark.parametrize("row", TABLE_1, ids=lambda row: row[0])
def test_a_row_of_table_1(row):
    recipe, lr, epochs, drops, batch_size, weight_decay, *tricks = row
    run, config = configured(recipe)
    schedule = config["schedule"]
    assert (config["optimizer"]["lr"], run) == (lr, epochs)
    if schedule["name"] == "piecewise":
        assert [drop * run for drop in schedule["drops"]] == pytest.approx(drops)
    else:
        assert schedule["name"] == drops
    assert config["data"]["batch_size"] == batch_size
    assert config["optimizer"]["weight_decay"] == weight_decay
    stops = config["attack"]["name"] in ("dynamic", "friendly")
    warm = schedule["name"] == "one_cycle" or schedule["warmup"] > 0
    assert [stops, warm, config["eps_schedule"]["warmup"] > 0] == tricks


@pytest.mark.parametrize(
    ("recipe", "knobs"),
    [
        (
            "madry2018",
            {
                "model.activation": "leaky_relu",
                "model.leaky_slope": 0.1,
                "attack.steps": 10,
                "attack.step_size": 2 / 255,
                "update.mode": "train",
            },
        ),
        (
            "zhang2019_trades",
            {
                "threat.eps": 0.031,
                "model.normalize": "none",
                "data.padding": "zero",
                "method.beta": 6.0,
                "method.variant": "kl",
                "attack.steps": 10,
                "attack.step_size": 0.007,
                "attack.start": "gaussian",
                "update.mode": "eval",
            },
        ),
        (
            "wang2019",
            {
                "threat.eps": 0.031,
                "attack.name": "dynamic",
                "attack.step_size": None,  # a quarter of eps
                "attack.fosc": 0.5,
                "attack.vanishes": pytest.approx(100 / 120),
            },
        ),
        (
            "qin2019",
            {
                "model.depth": 40,
                "model.widen": 8,
                "model.activation": "softplus",
                "method.name": "llr",
                "method.gamma_weight": 4 / 2,  # for a clean loss of weight 2 in the code
                "method.slope_weight": pytest.approx(4 * 0.3 / 2),
                "attack.name": "adam",
                "attack.steps": 10,
                "attack.rate": 0.1,
                "eps_schedule.warmup": 15 / 110,
                "data.padding": "reflect",
            },
        ),
        ("cai2018", {"eps_schedule.warmup": 10 / 300}),
        ("huang2020", {"schedule.warmup": 10 / 200, "threat.eps": 0.031, "method.beta": 6.0}),
        ("carmon2019", {"method.beta": 6.0, "attack.start": "gaussian"}),
        ("shafahi2019", {"update.name": "free", "update.replays": 8, "update.reach": 1.0}),
        (
            "zhang2019_yopo",
            {
                "update.name": "yopo",
                "update.passes": 5,
                "update.steps": 3,
                "update.step_size": 2 / 255,
                "model.normalize": "none",
            },
        ),
        (
            "wong2020",
            {
                "attack.name": "fgsm_rs",
                "attack.reach": 1.25,
                "schedule.peak": 0.5,
                "update.mode": "train",
                "model.name": "preact_resnet18",
            },
        ),
        (
            "rice2020",
            {
                "threat.eps": 8 / 255,
                "model.name": "preact_resnet18",
                "attack.name": "pgd",
                "attack.steps": 10,
                "attack.step_size": 2 / 255,
                "update.mode": "train",
                "data.padding": "reflect",
            },
        ),
        ("ding2020", {"model.depth": 28, "model.widen": 4, "schedule.decay": 0.3}),
        (
            "zhang2020",
            {
                "threat.eps": 0.031,
                "attack.name": "friendly",
                "attack.step_size": 0.007,
                "attack.tolerance": 0,
                "attack.grows": (50 / 120, 90 / 120),
                "attack.omega": 0.001,
                "model.normalize": "none",
            },
        ),
        (
            "pas_cifar10",
            {
                "threat.eps": 8 / 255,
                "data.padding": "zero",
                "model.name": "resnet18",
                "model.width": 32,
                "model.normalize": "none",
                "attack.steps": 10,
                "attack.step_size": 2 / 255,
                "attack.start": "step",
                "update.mode": "eval",
                "optimizer.lr": 0.1,
                "optimizer.weight_decay": 1e-3,
                "schedule.drops": (0.5, 0.75),
                "eps_schedule.name": "cosine",
                "eps_schedule.peak": 16 / 8,
                "eps_schedule.steps_follow": True,
                "periods.resets": (100 / 200, 150 / 200),
                "average.name": "ensemble",
            },
        ),
        (
            "pas_mnist",
            {
                "threat.eps": 0.4,
                "data.batch_size": 128,
                "model.name": "lenet",
                "attack.steps": 50,
                "attack.step_size": 0.01,
                "attack.start": "step",
                "optimizer.name": "adam",
                "optimizer.lr": 1e-4,
                "schedule.name": "constant",
                "eps_schedule.name": "cosine",
                "eps_schedule.peak": pytest.approx(0.6 / 0.4),
                "eps_schedule.steps_follow": True,
                "periods.resets": (),
                "average.name": "none",
            },
        ),
        ("he_pgd_at", {"model.s": 10.0, "criterion.m": 0.2, "optimizer.weight_decay": 5e-4}),
        (
            "he_trades",
            {
                "model.s": 15.0,
                "criterion.m": 0.2,
                "method.beta": 6.0,
                "optimizer.weight_decay": 2e-4,
            },
        ),
        (
            "he_alp",
            {
                "model.s": 20.0,
                "criterion.m": 0.3,
                "method.beta": 0.5,
                "optimizer.weight_decay": 2e-4,
            },
        ),
        (
            "grad_align",
            {
                "optimizer.lr": 0.3,
                "optimizer.weight_decay": 5e-4,
                "schedule.name": "one_cycle",
                "schedule.peak": 0.4,
                "method.weight": pytest.approx(0.02 * 10),
                "attack.name": "fgsm",
                "update.mode": "train",
                "model.normalize": "none",
                "data.flip": True,
            },
        ),
        (
            "grad_align_svhn",
            {
                "optimizer.lr": 0.05,
                "schedule.name": "one_cycle",
                "schedule.peak": 0.4,
                "method.weight": pytest.approx(1.5625 * 1.6),
                "eps_schedule.warmup": 5 / 15,
                "data.name": "svhn",
                "data.crop": 4,
                "data.flip": False,
            },
        ),
    ],
)
def test_what_the_papers_and_their_code_say(recipe, knobs):
    _, config = configured(recipe)
    values = {path: config[path.partition(".")[0]][path.partition(".")[2]] for path in knobs}
    assert values == knobs


@pytest.mark.parametrize(
    ("recipe", "epochs"),
    [
        ("pas_cifar10", 200),
        ("pas_mnist", 100),
        ("he_pgd_at", 77),
        ("he_trades", 77),
        ("he_alp", 77),
        ("grad_align", 30),
        ("grad_align_svhn", 15),
    ],
)
def test_how_long_the_other_papers_train(recipe, epochs):
    run, _ = configured(recipe)
    assert run == epochs


@pytest.mark.parametrize("recipe", ["he_pgd_at", "he_trades", "he_alp"])
def test_hypersphere_embedding_is_trained_like_trades(recipe):
    run, config = configured(recipe)
    assert (config["model"]["head"], config["criterion"]["name"]) == ("cosine", "hypersphere")
    assert config["threat"]["eps"] == 0.031
    assert config["attack"] == configured("zhang2019_trades")[1]["attack"]
    assert [drop * run for drop in config["schedule"]["drops"]] == pytest.approx([75])


@pytest.mark.parametrize(
    ("method", "recipe"),
    [(method, recipe) for method, recipes in STAND_INS.items() for recipe in recipes],
)
def test_a_recipe_says_if_its_method_is_not_here(method, recipe):
    assert configured(recipe)[1]["method"]["name"] == method
    said = " ".join(load_member("search_spaces.recipes", recipe).__doc__.split())
    assert "Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467)" in said
    assert "stands in for it" in said


def torch_cross_entropy(smoothing):
    """Return the label's probability in FastAT_Benchmark's loss for ten classes."""
    return 1 - smoothing + smoothing / 10


FASTAT = [
    ("fgsm", "fgsm", "fgsm", {"attack.reach": 1.0}),
    ("fgsm_rs", "fgsm_rs", "fgsm_rs", {"attack.reach": 1.25}),
    ("n_fgsm", "n_fgsm", "n_fgsm", {"attack.noise": 2.0, "attack.reach": 1.0}),
    ("free", "pgd_at", None, {"update.name": "free", "update.replays": 4}),
    ("grad_align", "grad_align", "fgsm", {"method.weight": 0.2}),
    ("zero_grad", "zero_grad", "zero_grad", {"attack.zeroed": 0.35, "attack.reach": 2.0}),
    ("gat", "gat", "fgsm_bernoulli", {"method.weight": 10.0, "update.mode": "eval"}),
    ("nuat", "nuat", "fgsm_bernoulli", {"method.weight": 4.0, "method.ramp": 1.0}),
    ("fgsm_pgi", "fgsm_pgi", "prior_epoch", {"attack.resets": 40, "attack.decay": 0.3}),
    ("fgsm_mep_cs", "fgsm_mep_cs", "prior_epoch", {"method.gamma": 0.03, "method.phases": ()}),
    ("fgsm_pco", "fgsm_pco", "prior_epoch", {"attack.resets": None, "attack.decay": 0.0}),
    ("fgsm_uap", "fgsm_uap", "universal", {"attack.shared_by": "all", "attack.size": 10 / 8}),
    ("fgsm_cuap", "fgsm_uap", "universal", {"attack.shared_by": "class"}),
    ("elle", "elle", "n_fgsm", {"method.weight": 1.0, "attack.noise": 1.0, "attack.reach": 1.25}),
    ("liet", "liet", "label_information", {"method.weight": 100.0, "criterion.smoothing": 0.6}),
    ("ssat", "ssat", "ssat", {"attack.checkpoints": 3, "attack.reach": 10 / 8}),
    ("n_aaer", "aaer", "n_fgsm", {"method.weight": 0.15, "attack.noise": 2.0}),
    ("rs_aaer", "aaer", "fgsm_rs", {"method.weight": 1.5, "attack.reach": 1.25}),
    ("pgd_at", "pgd_at", "pgd", {"attack.steps": 10, "attack.step_size": 2 / 255}),
    ("pgd_at_wa", "pgd_at", "pgd", {"attack.steps": 10, "attack.step_size": 2 / 255}),
]
"""Its methods, commit b99c0de: recipe, method, attack and settings of configs/cifar10."""
LABELS = {
    "liet": 1 - 0.6,
    "n_aaer": 1.0,
    "rs_aaer": 1.0,
    # smoothed by 0.6 and then by torch
    "fgsm_mep_cs": pytest.approx(0.6 * 0.6 + 0.4 / 10),
    "fgsm_pco": pytest.approx(0.6 * 0.6 + 0.4 / 10),
}
"""What a label keeps, where its loss is another one."""


@pytest.mark.parametrize(("name", "method", "attack", "knobs"), FASTAT, ids=lambda v: str(v)[:12])
def test_a_recipe_of_fastat_benchmark(name, method, attack, knobs):
    run, config = configured(f"fastat_{name}")
    assert (run, config["method"]["name"]) == (200 if name == "free" else 100, method)
    assert attack in (None, config["attack"]["name"])
    values = {path: config[path.partition(".")[0]][path.partition(".")[2]] for path in knobs}
    assert values == knobs
    kept = 1 - config["criterion"]["smoothing"]
    assert kept == LABELS.get(name, pytest.approx(torch_cross_entropy(0.4)))
    averages = {"name": "none"} if name == "pgd_at" else {"name": "ema", "decay": 0.9995}
    assert averages.items() <= config["average"].items()
    assert config["optimizer"]["lr"] == 0.1
    assert config["data"]["batch_size"] == 128
