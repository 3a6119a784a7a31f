"""What is reported to the Optuna study about each trial."""

from dataclasses import asdict

import optuna
import pytest
from ray import tune

from tests.oracles import make_report
from trainables.injection import inject
from trainables.training.constraint import parse_constraint
from trainables.training.fidelity import Level
from tuner.config.objectives import Goal
from tuner.config.plan import Variant, bind_study_member
from tuner.config.study_groups import STUDY_GROUPS
from tuner.searchers.core.factory import SearcherContext
from tuner.searchers.core.optuna_searcher import OptunaSearcher
from tuner.searchers.core.optuna_storage import open_study
from tuner.searchers.core.trial_subset import TrialSubset
from tuner.state.trial import Record

STATE = optuna.trial.TrialState


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def searcher(listed=False, **searched):
    domains = searched or {"optimizer.lr": tune.loguniform(1e-3, 1e-1)}
    domains = {name.replace("__", "."): domain for name, domain in domains.items()}
    return among([Variant(label="", fixed={}, searched=domains)], listed=listed)


def sampler(number):
    return optuna.samplers.TPESampler(seed=number)


def among(variants, *, listed=False, storage=None, goal=None, past=None):
    study = open_study(storage, goal or Goal())
    about = {"goal": goal, "study": study, "records": past}
    return OptunaSearcher(variants, sampler, listed=listed, levels=(Level(3),), **about)


def row(epoch, value, clean=0.9, **ending):
    return asdict(make_report(epoch, value, clean, **ending))


def run_trial(search, rows, **ending):
    """Run a trial as Ray does: the last row comes with the ending, not as a result."""
    search.suggest("a")
    for each in rows[:-1]:
        search.on_trial_result("a", each)
    search.on_trial_complete("a", rows[-1] if rows else None, **ending)
    return search.study.trials[0]


def test_a_whole_trial_is_worth_its_best_epoch():
    trial = run_trial(searcher(), [row(1, 0.3), row(2, 0.5), row(3, 0.4)])
    assert (trial.state, trial.value) == (STATE.COMPLETE, 0.5)
    assert trial.intermediate_values == {1: 0.3, 2: 0.5, 3: 0.4}


def test_a_last_row_that_comes_twice_is_reported_once():
    search = searcher()
    search.suggest("a")
    for each in (row(1, 0.3), row(2, 0.5), row(3, 0.4)):
        search.on_trial_result("a", each)
    search.on_trial_complete("a", row(3, 0.4))
    assert search.study.trials[0].intermediate_values == {1: 0.3, 2: 0.5, 3: 0.4}


def test_a_trial_stopped_early_is_pruned_at_its_last_value():
    trial = run_trial(searcher(), [row(1, 0.5), row(2, 0.4)])
    assert trial.state == STATE.PRUNED
    assert trial.intermediate_values == {1: 0.5, 2: 0.4}


def test_a_trial_stopped_at_its_first_row_is_pruned_too():
    assert run_trial(searcher(), [row(1, 0.5)]).state == STATE.PRUNED


def test_a_diverged_trial_is_complete_with_what_it_had():
    trial = run_trial(searcher(), [row(1, 0.2), row(2, 0.0, diverged=True)])
    assert (trial.state, trial.value) == (STATE.COMPLETE, 0.2)


def test_a_collapsed_trial_is_complete_with_what_it_had():
    trial = run_trial(searcher(), [row(1, 0.2), row(2, 0.1, collapsed_at=400)])
    assert (trial.state, trial.value) == (STATE.COMPLETE, 0.2)


def test_a_trial_that_raised_fails_and_none_is_left_running():
    search = searcher()
    assert run_trial(search, [row(1, 0.2), row(2, 0.3)], error=True).state == STATE.FAIL
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


LR = [Variant(label="", fixed={}, searched={"optimizer.lr": tune.loguniform(1e-3, 1e-1)})]


def record(number, *values, status="running", checkpoint="", collapsed_at=0):
    reports = [
        make_report(epoch, value, collapsed_at=collapsed_at * (epoch == len(values)))
        for epoch, value in enumerate(values, start=1)
    ]
    return Record(number, {}, 0, {}, reports, status, checkpoint=checkpoint)


def test_a_searcher_resumed_from_its_storage_proposes_the_same():
    storage = optuna.storages.InMemoryStorage()
    one, other = among(LR, storage=storage), among(LR)
    for search in (one, other):
        run_trial(search, [row(1, 0.3), row(2, 0.5), row(3, 0.4)])
    past = {"0000": record("0000", 0.3, 0.5, 0.4, status="completed")}
    again = among(LR, storage=storage, past=past)
    assert [again.suggest(str(i)) for i in range(12)] == [other.suggest(str(i)) for i in range(12)]


def test_an_interrupted_trial_resumes():
    storage = optuna.storages.InMemoryStorage()
    among(LR, storage=storage).suggest("a")
    again = among(LR, storage=storage, past={"0000": record("0000", 0.3)})
    again.attach("b", "0000")
    assert again.suggest("c")["trial"] == "0001"
    again.on_trial_complete("b", row(3, 0.1))
    assert again.study.trials[0].value == 0.3  # its best epoch was before it was cut off


def test_a_paused_trial_resumes_as_another_with_the_same_values():
    """Optuna does not change a trial that has ended, and learns only from ended trials."""
    search = searcher()
    first = run_trial(search, [row(1, 0.5)])
    search.records = {"0000": record("0000", 0.5)}
    search.attach("b", "0000")
    assert search.suggest("c")["trial"] == "0001"
    search.on_trial_complete("b", row(3, 0.4))
    again = search.study.trials[1]
    assert (first.state, again.state) == (STATE.PRUNED, STATE.COMPLETE)
    assert (again.params, again.value) == (first.params, 0.5)
    assert again.user_attrs == {"goes_on": "0000", "promoted_from": "Optuna trial 0"}


def test_a_trial_cut_off_after_its_last_epoch_is_whole():
    storage = optuna.storages.InMemoryStorage()
    among(LR, storage=storage).suggest("a")
    past = {"0000": record("0000", 0.3, 0.5, 0.4, checkpoint="/kept")}
    again = among(LR, storage=storage, past=past)
    again.attach("b", "0000")
    again.on_trial_complete("b", {})  # there was nothing left to report
    trial = again.study.trials[0]
    assert (trial.state, trial.value) == (STATE.COMPLETE, 0.5)


def test_a_trial_asked_for_and_never_begun_is_begun():
    storage = optuna.storages.InMemoryStorage()
    first = among(LR, storage=storage).suggest("a")
    assert among(LR, storage=storage).suggest("b") == first


@pytest.mark.parametrize(
    ("status", "at", "state", "value"),
    [
        ("completed", 0, STATE.COMPLETE, 0.5),
        ("diverged", 0, STATE.COMPLETE, 0.5),
        ("stopped", 0, STATE.PRUNED, 0.4),
        ("stopped", 200, STATE.COMPLETE, 0.5),
        ("failed", 0, STATE.FAIL, None),
    ],
)
def test_an_end_that_was_not_reported_is_reported_on_resume(status, at, state, value):
    storage = optuna.storages.InMemoryStorage()
    before = among(LR, storage=storage)
    before.suggest("a")
    before.on_trial_result("a", row(1, 0.5))
    before.on_trial_result("a", row(2, 0.4))
    past = {"0000": record("0000", 0.5, 0.4, status=status, collapsed_at=at)}
    trial = among(LR, storage=storage, past=past).study.trials[0]
    assert (trial.state, trial.value) == (state, value)


def test_a_list_is_not_listed_again():
    storage = optuna.storages.InMemoryStorage()
    grid = [Variant(label="", fixed={}, searched={"optimizer.lr": tune.grid_search([1, 2])})]
    among(grid, listed=True, storage=storage).suggest("a")
    again = among(grid, listed=True, storage=storage)
    assert [again.suggest(str(i))["optimizer"]["lr"] for i in range(2)] == [1, 2]


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


def proposals(search, number):
    """Return what is proposed in turn, each trial ending before the next."""
    found = []
    for i in range(number):
        config = search.suggest(f"ray-{i}")
        found.append(config["optimizer"])
        worth = 1 - abs(config["optimizer"]["lr"] - 0.03)
        for epoch in (1, 2, 3):
            search.on_trial_result(f"ray-{i}", row(epoch, worth))
        search.on_trial_complete(f"ray-{i}", row(3, worth))
    return found


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", [n for n in STUDY_GROUPS["searcher"].members() if n != "grid"])
def test_every_searcher_keeps_to_the_ranges_and_resumes_from_its_storage(name):
    known = STUDY_GROUPS["searcher"].member_knobs(name)
    startup = {knob: 3 for knob in ("startup", "population") if knob in known}

    def sampler(number):
        context = SearcherContext(seed=number, study_seed=0, number=number, shortlist=TrialSubset())
        return inject(bind_study_member("searcher", {"name": name, **startup}), context)()

    domains = {
        "optimizer.lr": tune.loguniform(1e-3, 1e-1),
        "optimizer.weight_decay": tune.uniform(0, 1e-3),
    }
    variants = [Variant(label="", fixed={}, searched=domains)]
    whole = proposals(OptunaSearcher(variants, sampler, listed=False, levels=(Level(3),)), 8)
    assert all(1e-3 <= each["lr"] <= 1e-1 for each in whole)
    assert all(0 <= each["weight_decay"] <= 1e-3 for each in whole)
    assert len({tuple(each.values()) for each in whole}) == 8
    storage = optuna.storages.InMemoryStorage()
    cut = []
    for number in (5, 3):
        study = open_study(storage, Goal())
        search = OptunaSearcher(variants, sampler, listed=False, levels=(Level(3),), study=study)
        cut += proposals(search, number)
    assert cut == whole


BOTH = Goal(("robust", "clean"))


def test_of_two_objectives_a_trial_is_worth_both_at_its_most_robust_epoch():
    search = among(LR, goal=BOTH)
    trial = run_trial(
        search, [row(1, 0.3, clean=0.99), row(2, 0.5, clean=0.8), row(3, 0.4, clean=0.9)]
    )
    assert (trial.state, trial.values) == (STATE.COMPLETE, [0.5, 0.8])
    stopped = run_second_trial(search, [row(1, 0.2, clean=0.9)])
    assert (stopped.state, stopped.values) == (STATE.PRUNED, None)


def run_second_trial(search, rows):
    search.suggest("b")
    search.on_trial_complete("b", rows[-1])
    return search.study.trials[1]


def test_a_constraint_is_reported_as_the_violation_of_the_kept_epoch():
    search = among(LR, goal=Goal(constraint=parse_constraint("clean>=0.75")))
    trial = run_trial(
        search, [row(1, 0.3, clean=1.0), row(2, 0.5, clean=0.875), row(3, 0.9, clean=0.5)]
    )
    assert (trial.value, trial.constraints) == (0.5, {"clean>=0.75": -0.125})  # 0.75 - 0.875
    assert run_second_trial(search, [row(1, 0.2, clean=0.5)]).constraints == {"clean>=0.75": 0.25}


def test_a_constraint_reported_before_a_crash_is_not_reported_again():
    storage, goal = (
        optuna.storages.InMemoryStorage(),
        Goal(constraint=parse_constraint("clean>=0.75")),
    )
    before = among(LR, storage=storage, goal=goal)
    before.suggest("a")
    before.running_trials["a"].set_constraint("clean>=0.75", -0.125)
    past = {"0000": record("0000", 0.5, status="completed")}
    trial = among(LR, storage=storage, goal=goal, past=past).study.trials[0]
    assert (trial.state, trial.constraints) == (STATE.COMPLETE, {"clean>=0.75": -0.125})


def run_study(name, goal, number, worth, **knobs):
    """Return a study of a searcher in which a trial with learning rate x is worth worth(x)."""

    def sampler(number):
        context = SearcherContext(seed=number, study_seed=0, number=number, shortlist=TrialSubset())
        return inject(bind_study_member("searcher", {"name": name, **knobs}), context)()

    variants = [Variant(label="", fixed={}, searched={"optimizer.lr": tune.uniform(0, 1)})]
    search = OptunaSearcher(variants, sampler, listed=False, levels=(Level(1),), goal=goal)
    for i in range(number):
        robust, clean = worth(search.suggest(str(i))["optimizer"]["lr"])
        search.on_trial_complete(str(i), row(1, robust, clean=clean))
    return search.study


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    "name", ["tpe", "nsga2", "random", "qmc", pytest.param("gp", marks=pytest.mark.slow)]
)
def test_searchers_take_two_objectives(name):
    study = run_study(name, BOTH, 14, lambda x: (x, 1 - x))
    assert len(study.best_trials) == 14  # on this line, more robust trials are less accurate
    assert all(trial.values[0] + trial.values[1] == pytest.approx(1) for trial in study.trials)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", ["tpe", "gp", "nsga2"])
def test_searchers_that_learn_keep_to_a_constraint(name):
    """Robust accuracy rises with x and clean accuracy falls: the best allowed is x = 0.3.

    Of the last 10 trials random search has 3 within 0.15 of it; a searcher that ignores the
    constraint goes to 1 and has none. 6 is twice as many as random search.
    """
    goal = Goal(constraint=parse_constraint("clean>=0.7"))
    study = run_study(name, goal, 30, lambda x: (x, 1 - x))
    assert sum(abs(trial.values[0] - 0.3) <= 0.15 for trial in study.trials[-10:]) >= 6


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_generations_pass_though_each_proposal_has_a_sampler_of_its_own():
    study = run_study("nsga2", BOTH, 12, lambda x: (x, -((x - 0.5) ** 2)), population=4)
    key = optuna.samplers.NSGAIISampler._get_generation_key()
    assert [trial.system_attrs[key] for trial in study.trials] == [0] * 4 + [1] * 4 + [2] * 4
