"""What the Optuna study is told of each trial."""

import optuna
import pytest
from ray import tune

from tuner.plan import Variant
from tuner.searcher import StudySearcher

STATE = optuna.trial.TrialState


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def searcher(listed=False, **searched):
    domains = searched or {"optimizer.lr": tune.loguniform(1e-3, 1e-1)}
    domains = {name.replace("__", "."): domain for name, domain in domains.items()}
    return among([Variant(label="", fixed={}, searched=domains)], listed=listed)


def among(variants, *, listed=False):
    sampler = optuna.samplers.TPESampler(seed=0)
    return StudySearcher(variants, sampler, listed=listed, epochs=3)


def row(epoch, value, diverged=False):
    return {"epoch": epoch, "val_robust_accuracy": value, "diverged": diverged}


def told(search, rows, **ending):
    """Run a trial as Ray does: the last row comes with the ending, not as a result."""
    search.suggest("a")
    for each in rows[:-1]:
        search.on_trial_result("a", each)
    search.on_trial_complete("a", rows[-1] if rows else None, **ending)
    return search.study.trials[0]


def test_a_whole_trial_is_worth_its_best_epoch():
    trial = told(searcher(), [row(1, 0.3), row(2, 0.5), row(3, 0.4)])
    assert (trial.state, trial.value) == (STATE.COMPLETE, 0.5)
    assert trial.intermediate_values == {1: 0.3, 2: 0.5, 3: 0.4}


def test_a_trial_whose_last_row_comes_twice_is_told_once():
    search = searcher()
    search.suggest("a")
    for each in (row(1, 0.3), row(2, 0.5), row(3, 0.4)):
        search.on_trial_result("a", each)
    search.on_trial_complete("a", row(3, 0.4))
    assert search.study.trials[0].intermediate_values == {1: 0.3, 2: 0.5, 3: 0.4}


def test_a_trial_stopped_early_is_pruned_at_its_last_value():
    trial = told(searcher(), [row(1, 0.5), row(2, 0.4)])
    assert trial.state == STATE.PRUNED
    assert trial.intermediate_values == {1: 0.5, 2: 0.4}


def test_a_trial_stopped_at_its_first_row_is_pruned_too():
    assert told(searcher(), [row(1, 0.5)]).state == STATE.PRUNED


def test_a_diverged_trial_is_complete_with_what_it_had():
    trial = told(searcher(), [row(1, 0.2), row(2, 0.0, diverged=True)])
    assert (trial.state, trial.value) == (STATE.COMPLETE, 0.2)


def test_a_trial_that_raised_fails_and_none_is_left_running():
    search = searcher()
    assert told(search, [row(1, 0.2), row(2, 0.3)], error=True).state == STATE.FAIL
    search.suggest("b")
    search.on_trial_complete("b", None)
    assert not search.study.get_trials(states=[STATE.RUNNING])


def test_proposals_are_nested_by_group_and_numbered():
    config = searcher().suggest("a")
    assert config["trial"] == "0000"
    assert 1e-3 <= config["optimizer"]["lr"] <= 1e-1


def test_a_grid_is_every_cell_in_order_with_lists_as_values():
    search = searcher(
        listed=True,
        schedule__drops=tune.grid_search([[0.5], [0.5, 0.75]]),
        optimizer__lr=tune.grid_search([0.1, 0.01]),
    )
    cells = [search.suggest(str(i)) for i in range(4)]
    assert [(c["schedule"]["drops"], c["optimizer"]["lr"]) for c in cells] == [
        ([0.5], 0.1),
        ([0.5], 0.01),
        ([0.5, 0.75], 0.1),
        ([0.5, 0.75], 0.01),
    ]


def test_the_same_seed_proposes_the_same():
    one, other = searcher(), searcher()
    assert [one.suggest(str(i)) for i in range(5)] == [other.suggest(str(i)) for i in range(5)]


def test_saved_and_restored_it_goes_on_as_if_nothing_had_happened(tmp_path):
    one = searcher()
    told(one, [row(1, 0.3), row(2, 0.5), row(3, 0.4)])
    one.save(str(tmp_path / "state"))
    other = searcher()
    other.restore(str(tmp_path / "state"))
    assert [one.suggest(str(i)) for i in range(3)] == [other.suggest(str(i)) for i in range(3)]


CONDITIONAL = [
    Variant(
        label="sgd",
        fixed={"optimizer": {"name": "sgd"}, "model": {"name": "lenet"}},
        searched={
            "optimizer.lr": tune.loguniform(1e-2, 1),
            "optimizer.weight_decay": tune.loguniform(1e-4, 1e-2),
        },
    ),
    Variant(
        label="adam",
        fixed={"optimizer": {"name": "adam"}, "model": {"name": "lenet"}},
        searched={
            "optimizer.lr": tune.loguniform(1e-5, 1e-3),
            "optimizer.weight_decay": tune.loguniform(1e-4, 1e-2),
        },
    ),
]


def test_a_knob_of_one_variant_keeps_to_the_range_of_that_variant():
    search = among(CONDITIONAL)
    seen = set()
    for i in range(30):
        config = search.suggest(str(i))
        optimizer = config["optimizer"]
        assert config["variant"] == optimizer["name"]
        low, high = (1e-2, 1) if optimizer["name"] == "sgd" else (1e-5, 1e-3)
        assert low <= optimizer["lr"] <= high
        assert config["model"] == {"name": "lenet"}
        seen.add(optimizer["name"])
    assert seen == {"sgd", "adam"}


def test_a_range_that_variants_share_is_learned_together():
    search = among(CONDITIONAL)
    for i in range(10):
        search.suggest(str(i))
    names = {name for trial in search.study.trials for name in trial.params}
    assert names == {"variant", "optimizer.weight_decay", "sgd: optimizer.lr", "adam: optimizer.lr"}


def test_the_cells_of_variants_are_tried_in_order():
    variants = [
        Variant(label="a", fixed={}, searched={"attack.steps": tune.grid_search([1, 2])}),
        Variant(label="b", fixed={"attack": {"steps": 7}}, searched={}),
    ]
    search = among(variants, listed=True)
    cells = [search.suggest(str(i)) for i in range(3)]
    assert [(c["variant"], c["attack"]["steps"]) for c in cells] == [("a", 1), ("a", 2), ("b", 7)]


def test_none_may_be_a_listed_value():
    search = searcher(listed=True, optimizer__lr_batch_size=tune.grid_search([None, 128]))
    found = [search.suggest(str(i))["optimizer"]["lr_batch_size"] for i in range(2)]
    assert found == [None, 128]


@pytest.mark.parametrize(
    ("domain", "step", "ends"),
    [
        (tune.qloguniform(1e-3, 1e-1, 1e-3), 1e-3, (1e-3, 1e-1)),
        (tune.quniform(0.25, 1, 0.25), 0.25, (0.25, 1)),
        (tune.qrandint(1, 9, 2), 2, (2, 8)),
        (tune.qrandint(1, 4, 1), 1, (1, 3)),
        (tune.qlograndint(4, 64, 4), 4, (4, 64)),
        (tune.lograndint(1, 5), 1, (1, 4)),
        (tune.randint(0, 3), 1, (0, 2)),
    ],
)
def test_what_has_a_step_is_drawn_in_multiples_of_it_as_ray_has_them(domain, step, ends):
    search = searcher(optimizer__lr=domain)
    drawn = [search.suggest(str(i))["optimizer"]["lr"] for i in range(60)]
    counts = [value / step for value in drawn]
    assert counts == pytest.approx([round(count) for count in counts])
    assert min(drawn) >= ends[0] * (1 - 1e-9)
    assert max(drawn) <= ends[1]
    assert len(set(drawn)) > 2
    assert type(drawn[0]) is type(domain.sample())
