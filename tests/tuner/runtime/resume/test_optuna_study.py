"""The Optuna study is created, extended, and never left half-written."""

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from tests.tuner.study_files import make_plan, make_record, write_results_folder
from trainables.training.fidelity import Level
from tuner.runtime.resume import optuna_study
from tuner.runtime.resume.optuna_study import ensure_optuna_study, load_resume_state
from tuner.runtime.resume.warm_start import load_warm_start
from tuner.runtime.study_core import build_searcher
from tuner.schedulers.core.factory import build_scheduler
from tuner.searchers.core.optuna_storage import load_optuna_study, open_optuna_storage

STATE = optuna.trial.TrialState
WD = "optimizer.weight_decay"
LEVELS = (Level(3),)


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def study(folder):
    return optuna.load_study(study_name=None, storage=open_optuna_storage(folder))


def load_records(folder, plan):
    """Return the trials of a study."""
    return load_resume_state(folder, plan, build_scheduler(plan), load_optuna_study(folder)).records


def resume_searcher(folder, plan):
    """Return the searcher of a study that a plan resumes."""
    scheduler = build_scheduler(plan)
    before = load_optuna_study(folder)
    records = load_resume_state(folder, plan, scheduler, before).records
    kept = ensure_optuna_study(
        folder, plan, scheduler.levels, records, load_warm_start(plan, folder), before=before
    )
    return build_searcher(plan, kept, records, scheduler)


@pytest.fixture
def folder(tmp_path):
    """Return a study with a trial of each kind; its fourth was asked for and never began."""
    plan = make_plan()
    return write_results_folder(
        tmp_path / "study",
        plan,
        make_record(plan, 0, 0.3, 0.5, 0.4, optimizer__weight_decay=1e-3),
        make_record(plan, 1, 0.2, 0.1, optimizer__weight_decay=1e-4, status="stopped"),
        make_record(plan, 2, optimizer__weight_decay=2e-4, status="failed"),
        make_record(plan, 4, optimizer__weight_decay=3e-4, status="running"),
    )


def test_a_study_is_made_once_for_a_space(tmp_path):
    plan = make_plan()
    first = ensure_optuna_study(tmp_path, plan, LEVELS, {}, [], before=None)
    assert ensure_optuna_study(tmp_path, plan, LEVELS, {}, [], before=first) is first
    assert [path.name for path in tmp_path.iterdir()] == ["optuna.log"]
    wide = make_plan(f"{WD}=loguniform(1e-6,1)")
    assert ensure_optuna_study(tmp_path, wide, LEVELS, {}, [], before=first) is not first


def test_a_study_has_the_name_of_its_folder(tmp_path):
    folder = tmp_path / "weight_decay-1"
    folder.mkdir()
    first = ensure_optuna_study(folder, make_plan(), LEVELS, {}, [], before=None)
    assert first.study_name == "weight_decay-1"
    assert first.metric_names == ["robust accuracy"]
    renamed = folder.rename(tmp_path / "renamed")
    assert load_optuna_study(renamed).study_name == "weight_decay-1"


def test_in_a_wider_space_a_study_knows_what_it_knew(folder):
    plan = make_plan(f"{WD}=loguniform(1e-6,1)", "attack.step_size=uniform(0.05,0.2)")
    search = resume_searcher(folder, plan)
    complete, stopped, failed, waiting, running = study(folder).trials
    assert (complete.state, complete.value) == (STATE.COMPLETE, 0.5)
    assert complete.intermediate_values == {1: 0.3, 2: 0.5, 3: 0.4}
    assert (stopped.state, stopped.value) == (STATE.PRUNED, 0.1)
    assert stopped.intermediate_values == {1: 0.2, 2: 0.1}
    assert (failed.state, waiting.state, running.state) == (
        STATE.FAIL,
        STATE.WAITING,
        STATE.RUNNING,
    )
    # the step that was fixed before is 0.1 in the recipe
    assert complete.params == {WD: 1e-3, "attack.step_size": 0.1}
    assert complete.distributions[WD] == FloatDistribution(1e-6, 1, log=True)
    assert [t.user_attrs["trial_id"] for t in study(folder).trials] == [
        f"{number:04d}" for number in range(5)
    ]
    search.attach("r", "0004")
    assert search.running_trials["r"].params[WD] == 3e-4  # it resumes with the same knobs
    assert [search.suggest(str(i))["trial"] for i in range(2)] == ["0003", "0005"]


def test_trials_of_an_earlier_run_have_the_columns_of_a_wider_plan(folder):
    plan = make_plan("attack.step_size=uniform(0.05,0.2)")
    assert load_records(folder, plan)["0000"].knobs == {"attack.step_size": 0.1, WD: 1e-3}


def test_a_single_variant_becomes_one_of_several(folder):
    plan = make_plan("optimizer=choice(adam,adamw)", f"{WD}=loguniform(1e-5,1e-2)")
    search = resume_searcher(folder, plan)
    trials = study(folder).trials
    assert trials[0].params["variant"] == "optimizer=adam"
    assert trials[0].distributions["variant"] == CategoricalDistribution([
        "optimizer=adam",
        "optimizer=adamw",
    ])
    assert {search.suggest(str(i))["optimizer"]["name"] for i in range(9)} == {"adam", "adamw"}


def test_a_grid_grows_by_the_cells_that_it_lacks(tmp_path):
    """Its second trial was asked for and never began: it gets the first cell that is missing."""
    fixed = f"{WD}=1e-4"
    plan = make_plan("attack.steps=grid(1,2,3)", fixed)
    folder = write_results_folder(
        tmp_path, plan, *(make_record(plan, i, 0.3, attack__steps=i + 1) for i in (0, 2))
    )
    search = resume_searcher(folder, make_plan("attack.steps=grid(1,2,3,4)", fixed))
    proposed = [search.suggest(str(i)) for i in range(2)]
    assert [(c["trial"], c["attack"]["steps"]) for c in proposed] == [("0001", 2), ("0003", 4)]


@pytest.mark.parametrize("dies_at", range(5))
def test_dying_half_way_leaves_the_study_that_was(folder, dies_at, monkeypatch):
    plan = make_plan()
    first = ensure_optuna_study(folder, plan, LEVELS, load_records(folder, plan), [], before=None)
    before = (folder / "optuna.log").read_bytes()
    wide = make_plan(f"{WD}=loguniform(1e-6,1)")
    add_trial, added = optuna.Study.add_trial, []

    def add_or_die(self, frozen):
        if len(added) == dies_at:
            raise KeyboardInterrupt
        added.append(frozen)
        add_trial(self, frozen)

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "add_trial", add_or_die)
        with pytest.raises(KeyboardInterrupt):
            ensure_optuna_study(folder, wide, LEVELS, load_records(folder, wide), [], before=first)
    assert (folder / "optuna.log").read_bytes() == before
    assert (
        ensure_optuna_study(folder, wide, LEVELS, load_records(folder, wide), [], before=first)
        is not first
    )
    assert len(study(folder).trials) == 5
    assert not (folder / ".optuna.log").exists()


def start_study(tmp_path, *words):
    """Return a results folder without trials, and its plan."""
    plan = make_plan(*words)
    return write_results_folder(tmp_path / "mine", plan), plan


def write_source(tmp_path, number):
    plan = make_plan()
    values = [1e-5 * 2**i for i in range(number)]
    return write_results_folder(
        tmp_path / "source",
        plan,
        *(
            make_record(plan, i, 0.3, 0.5, 0.4, optimizer__weight_decay=v)
            for i, v in enumerate(values)
        ),
    )


def test_transferred_trials_are_known_but_not_own(tmp_path):
    mine, plan = start_study(tmp_path, f"warm_start={write_source(tmp_path, 3)}")
    search = resume_searcher(mine, plan)
    assert [t.value for t in study(mine).trials] == [0.5] * 3
    assert study(mine).trials[2].user_attrs == {"warm_start": f"{tmp_path / 'source'} 0002"}
    assert [search.suggest(str(i))["trial"] for i in range(2)] == ["0000", "0001"]
    assert load_records(mine, plan) == {}


def test_what_a_study_with_the_same_seed_has_drawn_is_not_drawn_again(tmp_path):
    alone = resume_searcher(write_results_folder(tmp_path / "alone", make_plan()), make_plan())
    drawn = {alone.suggest(str(i))["optimizer"]["weight_decay"] for i in range(3)}
    search = resume_searcher(*start_study(tmp_path, f"warm_start={write_source(tmp_path, 3)}"))
    assert drawn.isdisjoint(search.suggest(str(i))["optimizer"]["weight_decay"] for i in range(3))


def test_a_searcher_learns_from_transferred_trials(tmp_path):
    """Of 12 trials the best is at the low end. Random search proposes 4 of 8 in the lower half."""
    plan = make_plan()
    values = [10 ** (-5 + 3 * i / 11) for i in range(12)]
    transferred = [
        make_record(plan, i, 0.9 - 0.07 * i, 0.1, 0.1, optimizer__weight_decay=v)
        for i, v in enumerate(values)
    ]
    write_results_folder(tmp_path / "source", plan, *transferred)
    search = resume_searcher(*start_study(tmp_path, f"warm_start={tmp_path / 'source'}"))
    drawn = [search.suggest(str(i))["optimizer"]["weight_decay"] for i in range(8)]
    assert sum(value < 10**-3.5 for value in drawn) >= 7


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_to_nsga2_transferred_trials_are_the_first_generation(tmp_path):
    words = [
        "searcher=nsga2",
        "searcher.population=3",
        f"warm_start={write_source(tmp_path, 3)}",
    ]
    mine, plan = start_study(tmp_path, *words)
    search = resume_searcher(mine, plan)
    search.suggest("a")
    key = optuna.samplers.NSGAIISampler._get_generation_key()
    assert [t.system_attrs[key] for t in study(mine).trials] == [0, 0, 0, 1]


def test_half_a_study_is_made_before_there_is_a_plan_for_it(tmp_path):
    """A folder whose study was cut off before there was one is resumed like any other."""
    plan = make_plan()
    write_results_folder(tmp_path, plan)
    (tmp_path / f".{optuna_study.OPTUNA_FILE}").write_text("cut o")
    assert load_records(tmp_path, plan) == {}
    assert not (
        tmp_path / optuna_study.OPTUNA_FILE
    ).exists()  # a reader sees a complete study or none
    assert resume_searcher(tmp_path, plan).suggest("a")["trial"] == "0000"
