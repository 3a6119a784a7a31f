"""The spaces that are tables: their cells and what was published for them, typed by hand."""

import pytest

from search_spaces.tables import _published
from trainables.hparams.registry import list_members
from tuner.config.compose import compose_plan
from tuner.search import parse_search_arguments


def cells(space):
    return {v.label: v for v in compose_plan(*parse_search_arguments([f"space={space}"])).variants}


@pytest.mark.parametrize(
    ("space", "number"),
    [
        ("bag_of_tricks_table2", 10),
        ("bag_of_tricks_table3", 14),
        ("bag_of_tricks_table4", 10),
        ("bag_of_tricks_table5", 6),
        ("bag_of_tricks_table6", 8),
        ("bag_of_tricks_table7", 12),
        ("bag_of_tricks_table8", 18),
        ("bag_of_tricks_table9", 17),
        ("bag_of_tricks_table12", 4),
        ("pas_table1", 12),
        ("pas_table1_mnist", 3),
        ("he_table_b", 2),
        ("he_table_c", 6),
        ("fastat_table", 19),
        ("gradalign_figure1", 96),  # 480 models there, with five seeds each
    ],
)
def test_a_cell_for_each_row_run_to_the_end(space, number):
    plan = compose_plan(*parse_search_arguments([f"space={space}"]))
    assert len(plan.variants) == plan.trials == number
    assert plan.scheduler["name"] == "none"


@pytest.mark.parametrize(
    ("space", "label", "knobs", "numbers"),
    [
        (
            "bag_of_tricks_table2",
            "warmup_lr_epochs=0, warmup_eps_epochs=0, attack_early_stop=40:100",
            {"attack.name": "friendly", "attack.grows": (40 / 110, 100 / 110)},
            {"clean_acc": "86.56", "pgd10_acc": "53.22", "aa_acc": "46.04"},
        ),
        (
            "bag_of_tricks_table2",
            "warmup_lr_epochs=0, warmup_eps_epochs=20, attack_early_stop=none",
            {"attack.name": "pgd", "eps_schedule.warmup": 20 / 110, "schedule.warmup": 0.0},
            {"clean_acc": "82.78", "pgd10_acc": "53.62", "aa_acc": "48.48"},
        ),
        (
            "bag_of_tricks_table3",
            "ResNet-18, lr=0.4, batch_size=512, lr_rule=linear_scaled",
            {"optimizer.lr": 0.4, "data.batch_size": 512, "model.name": "preact_resnet18"},
            {"clean_acc": "82.16", "pgd10_acc": "53.36"},
        ),
        (
            "bag_of_tricks_table4",
            "WRN-34-10, label_smoothing=0.2",
            {"criterion.smoothing": 0.2, "model.name": "wrn_34_10", "update.mode": "train"},
            {"clean_acc": "86.09", "pgd10_acc": "57.31", "aa_acc": "53.00"},
        ),
        (
            "bag_of_tricks_table5",
            "lr=1e-4, optimizer=adam",
            {"optimizer.name": "adam", "optimizer.lr": 1e-4, "optimizer.weight_decay": 5e-4},
            None,
        ),
        (
            "bag_of_tricks_table5",
            "lr=0.1, optimizer=sgd_gcc",
            {"optimizer.name": "sgd", "optimizer.centralize": "gcc"},
            None,
        ),
        (
            "bag_of_tricks_table6",
            "weight_decay=5e-5, activation=elu",
            {"model.activation": "elu", "optimizer.weight_decay": 5e-5},
            None,
        ),
        (
            "bag_of_tricks_table9",
            "WRN-34-10, eps=0.031, weight_decay=5e-4, activation=relu, bn_mode=eval",
            {"threat.eps": 0.031, "method.name": "trades", "method.beta": 6.0},
            {"clean_acc": "85.34", "pgd10_acc": "58.54", "aa_acc": "54.64"},
        ),
        (
            "bag_of_tricks_table12",
            "activation=softplus, bn_mode=eval",
            {"model.activation": "softplus", "update.mode": "eval", "attack.start": "gaussian"},
            {"clean_acc": "82.37", "pgd10_acc": "54.37", "aa_acc": "50.51"},
        ),
        (
            "pas_table1",
            "VGG, PGD-AT+PAS, eps_schedule=linear, lr_resets=periodic",
            {
                "model.name": "vgg16",
                "model.width": 32,
                "eps_schedule.peak": 2.0,
                "periods.resets": (0.5, 0.75),
                "average.name": "ensemble",
            },
            {
                "clean_err": "21.88 ± 0.33",
                "pgd100_err": "52.97 ± 0.17",
                "apgd100_ce_err": "54.32 ± 0.17",
                "apgd100_dlr_err": "55.63 ± 0.17",
                "square5k_err": "51.28 ± 0.04",
            },
        ),
        (
            "he_table_b",
            "WRN-34-20",
            {"model.name": "wrn_34_20", "model.head": "cosine"},
            {"clean_acc": "85.14", "aa_acc": "53.74", "rays_acc": "59.0"},
        ),
        (
            "he_table_c",
            "ALP+HE",
            {"method.name": "alp", "method.beta": 0.5, "model.s": 20.0, "criterion.m": 0.3},
            {"train_minutes_per_epoch": "20.95"},
        ),
        (
            "he_table_c",
            "TRADES",
            {"method.name": "trades", "model.head": "linear", "criterion.name": "cross_entropy"},
            {"train_minutes_per_epoch": "25.83"},
        ),
        (
            "fastat_table",
            "n_fgsm, label_smoothing=0.4, weight_average=true",
            {
                "criterion.smoothing": pytest.approx(0.36),
                "average.decay": 0.9995,
                "average.warmup": False,
                "update.mode": "train",
            },
            # AutoAttack: of 48.12, 47.88 and 47.32 the mean, and the deviation of a sample
            {
                "clean_acc": "78.59 ± 2.34",
                "pgd10_acc": "53.64 ± 0.25",
                "pgd20_acc": "53.13 ± 0.27",
                "pgd50_acc": "53.07 ± 0.28",
                "aa_acc": "47.77 ± 0.41",
                "cr_acc": "47.84 ± 0.41",
                "train_seconds": "1940.75 ± 42.25",
                "gpu_gib": "1.39 ± 0.00",
            },
        ),
        (
            "gradalign_figure1",
            "FGSM + GradAlign, 8/255",
            {"method.weight": pytest.approx(0.2), "threat.eps": 8 / 255, "attack.name": "fgsm"},
            {"aa_acc": "44.54 ± 0.24"},
        ),
        (
            "gradalign_figure1",
            "FGSM + GradAlign, 12/255",
            {"method.weight": pytest.approx(0.632, abs=5e-4)},  # as printed
            {},
        ),
        (
            "gradalign_figure1",
            "PGD-10, 10/255",
            {"attack.steps": 10, "attack.step_size": pytest.approx(2 / 255)},
            {},
        ),
    ],
)
def test_a_cell_is_the_papers(space, label, knobs, numbers):
    cell = cells(space)[label]
    for path, value in knobs.items():
        group, knob = path.split(".")
        assert cell.fixed[group][knob] == value
    assert numbers is None or cell.published == numbers


def test_every_number_of_the_papers_is_shipped():
    with open(_published.__file__.replace("_published.py", "published.csv")) as file:
        # the papers', 21 methods with 8 numbers, 99 networks with 3
        assert len(file.readlines()) == 1 + 665 + 21 * 8 + 99 * 3


def test_the_leaders_of_robustbench():
    rows = _published.list_rows("robustbench", "CIFAR-10 Linf 2025-03-31")
    assert len(rows) == 99
    assert [row.numbers["aa_acc"] for row in rows[:3]] == ["75.28", "73.71", "72.08"]
    by_name = {row.method: row for row in rows}
    wang = by_name["Wang2023Better_WRN-28-10"]
    assert (wang.numbers["clean_acc"], wang.numbers["aa_acc"]) == ("92.44", "67.31")
    assert by_name["Zhang2019Theoretically"].setting["eps"] == "0.031"


def test_rows_that_are_differences_are_no_cells():
    assert not any("eval_minus_train" in label for label in cells("bag_of_tricks_table7"))


def test_every_table_says_which_recipe_it_is_for():
    for name in list_members("search_spaces"):
        if "_table" in name or "_figure" in name:
            assert cells(name)
            plan = compose_plan(*parse_search_arguments([f"space={name}"]))
            assert plan.recipe != "mnist5k"
