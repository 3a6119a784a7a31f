"""A run is a published row if all its settings are, and no row if any is not."""

import pytest

from analysis.tables.matching import find_published
from search_spaces.tables import bag_of_tricks_table2, bag_of_tricks_table5, bag_of_tricks_table6
from tuner.config.compose import compose_plan
from tuner.search import parse_search_arguments

BASELINE = {"clean_acc": "82.52", "pgd10_acc": "53.58", "aa_acc": "48.51"}


def configurations(*words):
    """Return the configurations of a study by label, and its epochs."""
    plan = compose_plan(*parse_search_arguments(list(words)))
    found = {
        variant.label: {
            f"{group}.{knob}": value
            for group, knobs in variant.fixed.items()
            for knob, value in knobs.items()
        }
        for variant in plan.variants
    }
    return found, plan.epochs


@pytest.mark.parametrize(
    ("space", "module"),
    [
        ("bag_of_tricks_table2", bag_of_tricks_table2),
        ("bag_of_tricks_table5", bag_of_tricks_table5),
        ("bag_of_tricks_table6", bag_of_tricks_table6),
    ],
)
def test_the_cells_of_a_table_are_its_rows(space, module):
    found, epochs = configurations(f"space={space}")
    for label, config in found.items():
        numbers, _ = find_published(config, epochs)
        assert numbers.items() >= module.published()[label].items(), label


def baseline(*words):
    plain = [
        "update.mode=train",
        "optimizer.lr_batch_size=grid(1,2)",
    ]  # a search searches something
    found, epochs = configurations("recipe=cifar10", *plain, *words)
    return found[""] | {"optimizer.lr_batch_size": None}, epochs


def test_the_baseline_is_a_row_of_six_tables():
    numbers, sources = find_published(*baseline())
    assert numbers == BASELINE
    assert [source.table for source in sources] == [f"Table {n}" for n in (2, 3, 4, 5, 6, 7)]


@pytest.mark.parametrize(
    "word",
    [
        *("data.cutout=8", "data.mixup=1", "data.limit=40000", "data.padding=zero"),
        *("attack.steps=7", "attack.start=zero", "update=awp", "threat.eps=0.031"),
        *("model.width=32", "model.head=cosine", "optimizer.weight_decay=4e-4", "epochs=30"),
        *("optimizer.momentum=0.8", "optimizer.nesterov=true", "schedule=cosine"),
        *("average=ema", "periods.resets=[1/2]", "eps_schedule.warmup=0.05", "method=trades"),
    ],
)
def test_one_setting_changed_is_another_row_or_none(word):
    # nesterov alone makes it the row of Table 5
    numbers, _ = find_published(*baseline(word))
    nesterov = {"clean_acc": "82.83", "pgd10_acc": "53.78", "aa_acc": "48.22"}
    assert numbers == (nesterov if "nesterov" in word else {})


def test_weight_decay_of_wrn_34_10_is_table_8():
    numbers, sources = find_published(*baseline("model=wrn_34_10", "optimizer.weight_decay=1e-4"))
    assert numbers == {"clean_acc": "85.87", "pgd10_acc": "49.45", "aa_acc": "46.43"}
    assert [source.table for source in sources] == ["Table 8"]
