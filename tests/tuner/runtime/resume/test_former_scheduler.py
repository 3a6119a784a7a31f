"""A resumed study keeps its scheduler, where the command line leaves it open."""

import pytest
import yaml

from tests.tuner.simulated_study import load_frames, run_study, watched_writes
from trainables.io.retry import Retry
from tuner.config.compose import compose_plan
from tuner.config.description import describe_study
from tuner.layout import SEARCH_FILE
from tuner.runtime.preparation import load_earlier_study
from tuner.runtime.resume.former_scheduler import keep_former_scheduler
from tuner.runtime.resume.interrupted_studies import can_resume
from tuner.schedulers.core.asha_stopping import AshaStopping
from tuner.schedulers.core.factory import build_scheduler
from tuner.schedulers.core.successive_halving import SuccessiveHalving
from tuner.search import parse_search_arguments
from tuner.storage.results_store import LocalStore

SIZE = ["space=weight_decay", "trials=8", "epochs=8"]


def make_plan(*words):
    return compose_plan(*parse_search_arguments([*SIZE, *words]))


def keep(scheduler, fidelity, *words):
    """Return the plan that resumes a study with a stored scheduler."""
    stored = {"scheduler": scheduler, "study": {"fidelity": fidelity}}
    content, plan = keep_former_scheduler(stored, make_plan(*words))
    assert {**content["scheduler"], **plan.scheduler} == plan.scheduler
    return plan


def test_a_study_of_the_former_default_keeps_halving():
    """It waits for all trials after a short run of a quarter, and a quarter continues."""
    plan = keep({"name": "halving"}, "schedule")
    scheduler = build_scheduler(plan)
    assert isinstance(scheduler, SuccessiveHalving)
    assert [level.epochs for level in scheduler.levels] == [2, 8]
    assert scheduler.slots == [8, 2]


def test_a_study_of_the_former_asha_still_stops_trials():
    plan = keep({"name": "asha"}, "epochs", "scheduler=asha")
    scheduler = build_scheduler(plan)
    assert isinstance(scheduler, AshaStopping)
    assert plan.settings.fidelity == "epochs"
    assert ([rung.epoch for rung in scheduler.rung_schedule.rungs], scheduler.factor) == ([4], 3)


def test_a_study_of_the_former_asha_keeps_its_typed_grace():
    typed = ["scheduler=asha", "scheduler.grace=0.25"]
    scheduler = build_scheduler(keep({"name": "asha", "grace": 0.25}, "epochs", *typed))
    assert [rung.epoch for rung in scheduler.rung_schedule.rungs] == [2, 6]


@pytest.mark.parametrize(("name", "grace"), [("hyperband", 0.1), ("median", 0.25)])
def test_other_schedulers_keep_their_former_grace(name, grace):
    assert keep({"name": name}, "epochs", f"scheduler={name}").scheduler["grace"] == grace


def test_another_scheduler_that_was_typed_is_left_to_the_comparison():
    plan = make_plan("scheduler=asha")
    content = {"scheduler": {"name": "halving"}, "study": {"fidelity": "schedule"}}
    assert keep_former_scheduler(content, plan) == (content, plan)


@pytest.mark.parametrize("typed", ["scheduler.reduction_factor=2", "scheduler.variant=stopping"])
def test_a_typed_knob_that_the_scheduler_of_the_study_lacks_is_refused(tmp_path, typed):
    run_study(tmp_path / "study", *SIZE, "scheduler=halving")
    plan = make_plan(typed, "resume=auto")
    problems, _ = load_earlier_study(LocalStore(tmp_path / "study"), plan, Retry(print, 0.0))
    assert len(problems) == 1
    assert "has another scheduler (scheduler=halving, " in problems[0]
    assert ", got scheduler=asha, " in problems[0]
    assert typed in problems[0]


def test_a_code_file_that_only_the_results_name_is_not_run(tmp_path):
    """The user must type it."""
    marker, file = tmp_path / "marker", tmp_path / "mine.py"
    file.write_text(f"open({str(marker)!r}, 'w').close()\n")
    before = make_plan()
    described = describe_study(before, build_scheduler(before).levels, 0, [])
    assert can_resume(make_plan("resume=auto"), tmp_path, described)
    content = {**described, "scheduler": {"name": str(file)}}
    assert not can_resume(make_plan("resume=auto"), tmp_path, content)
    assert not marker.exists()


def test_a_new_study_resumes_with_what_it_was_begun_with(tmp_path):
    words = ["scheduler=halving", "scheduler.rungs=[1/2]", "scheduler.keep=[1/2]"]
    with watched_writes(tmp_path / "study", kill_at=20) as writes:
        run_study(tmp_path / "study", *SIZE, *words)
    assert writes.was_killed
    stored = yaml.safe_load((tmp_path / "study" / SEARCH_FILE).read_text())["scheduler"]
    knobs = {"rungs": [0.5], "keep": [0.5], "settle": 0.04, "correction": "auto"}
    assert stored == {"name": "halving", **knobs}
    assert run_study(tmp_path / "study", *SIZE)[0] == 0  # without a word on the scheduler
    trials, _ = load_frames(tmp_path / "study")
    assert sorted(trials["epochs"]) == [4, 4, 4, 4, 12, 12, 12, 12]
    assert yaml.safe_load((tmp_path / "study" / SEARCH_FILE).read_text())["scheduler"] == stored


def test_a_typed_knob_that_differs_is_refused(tmp_path):
    run_study(tmp_path / "study", *SIZE, "scheduler=halving")
    plan = make_plan("scheduler=halving", "scheduler.keep=[1/2]", "resume=auto")
    problems, _ = load_earlier_study(LocalStore(tmp_path / "study"), plan, Retry(print, 0.0))
    assert problems == [
        f"resume: {tmp_path / 'study'} has another scheduler (scheduler.keep=[0.25]), "
        "got scheduler.keep=[0.5]; choose another name=NAME."
    ]
