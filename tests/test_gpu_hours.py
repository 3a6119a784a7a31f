"""What a table costs, against numbers counted by hand and a published time."""

import pytest

from benchmarks import gpu_hours
from search_spaces.tables._published import load_lines


@pytest.mark.parametrize(
    ("words", "passes"),
    [
        (["method=pgd_at"], 11),  # ten steps and one of training
        (["method=trades"], 13),  # besides: the clean prediction, for the attack and for training
        (["attack=fgsm"], 2),
        (["attack=friendly"], 11),  # misclassified images stay, but are computed too
        (["method=standard"], 1),
    ],
)
def test_passes_are_those_of_the_attack_and_of_training(words, passes):
    assert gpu_hours.count_passes(gpu_hours.build_config("recipe=cifar10", *words)) == passes


def test_multiplications_of_a_network_are_counted():
    config = gpu_hours.build_config("recipe=mnist", "model=lenet")
    convolutions = 28 * 28 * 32 * 25 + 14 * 14 * 64 * 25 * 32
    assert gpu_hours.count_multiplications(config) == convolutions + 64 * 49 * 1024 + 1024 * 10


def test_at_the_papers_own_speed_its_own_training_takes_the_published_time():
    """PGD-AT takes 19.22 minutes an epoch; the held-out images are validated instead."""
    (he,) = (each for each in gpu_hours.list_speeds() if "(arXiv:2002.08619)" in each.source)
    (printed,) = (
        float(line["value"])
        for line in load_lines()
        if (line["table"], line["method"]) == ("Table C", "PGD-AT")
        and line["metric"] == "train_minutes_per_epoch"
    )
    config = gpu_hours.build_config(*he.words)
    held_out, exam = config["data"]["validation"], config["exam"]
    share = (50_000 - held_out + held_out * (1 + exam["steps"] * exam["restarts"]) / 11) / 50_000
    plan = gpu_hours.compose_plan(*gpu_hours.parse_search_arguments(["space=he_table_c"]))
    (variant,) = (each for each in plan.variants if each.label == "PGD-AT")
    hours = gpu_hours.compute_cell_cost(plan, variant) / he.multiplications_per_hour
    assert hours == pytest.approx(plan.epochs * printed * share / 60)  # rounding of floats alone


@pytest.mark.slow
def test_a_table_costs_more_on_a_slower_gpu():
    found = [gpu_hours.compute_table_cost(name) for name in ("he_table_c", "bag_of_tricks_table4")]
    assert [(each.cells, each.epochs) for each in found] == [(6, 77), (10, 110)]
    slow, *_, quick = gpu_hours.list_speeds()
    assert found[0].compute_gpu_hours(quick) < found[0].compute_gpu_hours(slow)
