"""In which other spaces a study may be resumed."""

from pathlib import Path

import pytest
import yaml

from tests.tuner.study_files import make_plan, make_record, write_results_folder
from trainables.components import GROUPS
from trainables.io.retry import Retry
from trainables.training.fidelity import Level
from tuner import train
from tuner.config import description
from tuner.config.plan import tuples_to_lists
from tuner.runtime.outcome import Outcome
from tuner.runtime.preparation import load_earlier_study
from tuner.runtime.resume.compatibility import check_space_contains
from tuner.runtime.resume.optuna_study import ensure_optuna_study, load_resume_state
from tuner.schedulers.core.factory import build_scheduler
from tuner.storage import results_folder
from tuner.storage.results_store import LocalStore

BEFORE = [
    "optimizer.weight_decay=loguniform(8/255,1)",
    "attack.steps=choice(1,2)",
    "data.batch_size=qrandint(10,50,10)",
]


def find_problems(tmp_path, before, after):
    described = description.describe_study(make_plan(*before), (), 0, [])
    return list(check_space_contains(tmp_path, described, make_plan(*after)))


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["optimizer.weight_decay=loguniform(0.01,2)"],
        ["attack.steps=choice(2,1,5)"],
        ["data.batch_size=qrandint(10,60,10)"],
        ["optimizer.lr=loguniform(1e-4,1)"],
        ["model.activation=choice(relu,softplus)"],
        ["optimizer=choice(adam,sgd)"],
    ],
)
def test_a_space_that_holds_all_of_it_is_wider(tmp_path, more):
    assert find_problems(tmp_path, BEFORE, [*BEFORE, *more]) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("optimizer.weight_decay=loguniform(0.04,1)", "got loguniform(0.04, 1)."),
        ("optimizer.weight_decay=loguniform(0.01,0.9)", "hold loguniform(0.03137254901960784, 1)"),
        ("optimizer.weight_decay=uniform(0,2)", "got uniform(0, 2)."),
        ("optimizer.weight_decay=0.5", "must be searched in loguniform(0.03137254901960784, 1)"),
        ("attack.steps=choice(1,3)", "attack.steps: must hold choice(1, 2)"),
        ("attack.steps=randint(1,9)", "attack.steps: must hold choice(1, 2)"),
        ("data.batch_size=qrandint(10,50,5)", "data.batch_size: must hold qrandint(10, 50, 10)"),
        ("data.batch_size=randint(10,51)", "data.batch_size: must hold qrandint(10, 50, 10)"),
        ("optimizer.lr=uniform(0.5,1)", "optimizer.lr: must hold 0.009"),
        ("model.activation=choice(elu,softplus)", "model.activation: must hold"),
        ("exam.steps=3", "exam.steps: must be 10, as in"),
        ("optimizer=adamw", "optimizer: must be adam, as in"),
        (
            "optimizer=choice(adamw,sgd)",
            "has one variant, now 2; no variant of this study contains it.",
        ),
    ],
)
def test_what_is_lost_is_reported_knob_by_knob(tmp_path, more, message):
    (problem,) = find_problems(tmp_path, BEFORE, [*BEFORE, more])
    assert message in problem
    assert str(tmp_path) in problem


def test_variants_may_be_added_and_not_taken_away(tmp_path):
    two, three = ["optimizer=choice(adam,sgd)"], ["optimizer=choice(adam,sgd,adamw)"]
    assert find_problems(tmp_path, two, three) == []
    (problem,) = find_problems(tmp_path, three, two)
    assert "has the variant 'optimizer=adamw'" in problem


OLDER = ["update=free", "update.replays=2", *BEFORE[:1]]


def write_older_study(folder, lost, *words):
    """Write the results folder of a study that began before some knobs existed."""
    plan = make_plan(*words)
    record = make_record(plan, 0, 0.2, optimizer__weight_decay=0.05)
    content = description.describe_study(plan, [Level(plan.epochs)], 0, [])
    for path in lost:
        group, _, knob = path.partition(".")
        for groups in (content["fixed"], record.groups):
            del (groups[group] if knob else groups)[knob or group]
    write_results_folder(folder, plan, record)
    results_folder.write_search_yaml(folder, content)


def resume_older_study(folder, *words):
    """Return the problems and the parts of a study that is resumed."""
    plan = make_plan(*words, "resume=auto")
    return load_earlier_study(LocalStore(folder), plan, Retry(print, 0.0))


def test_an_older_study_keeps_what_it_did_without_a_knob(tmp_path):
    write_older_study(tmp_path / "study", ["update.at_range"], *OLDER)
    problems, earlier = resume_older_study(tmp_path / "study", *OLDER)
    assert problems == []
    assert earlier.plan.variants[0].fixed["update"]["at_range"] == "move"
    assert earlier.plan.warnings[-1] == (
        "resume: study is older than these knobs, which keep what it did before: "
        "update.at_range=move."
    )
    scheduler = build_scheduler(earlier.plan, [])
    state = load_resume_state(tmp_path / "study", earlier.plan, scheduler, None)
    assert state.records["0000"].groups["update"]["at_range"] == "move"


def test_an_older_study_resumes_without_a_group(tmp_path):
    """Its trials have no teacher, like those of the study now."""
    write_older_study(tmp_path / "study", ["teacher"], *BEFORE[:1])
    problems, earlier = resume_older_study(tmp_path / "study", *BEFORE[:1])
    assert problems == []
    scheduler = build_scheduler(earlier.plan, [])
    state = load_resume_state(tmp_path / "study", earlier.plan, scheduler, None)
    assert state.records["0000"].groups["teacher"] == {"name": "none"}
    problems, _ = resume_older_study(tmp_path / "study", *BEFORE[:1], "method=adr")
    assert any(problem.startswith("teacher: must be none") for problem in problems)


def test_a_typed_value_must_be_what_an_older_study_did(tmp_path):
    folder = tmp_path / "study"
    write_older_study(folder, ["update.at_range"], *OLDER)
    for value in ("stay", "project"):  # the default too, if it is typed
        problems, earlier = resume_older_study(folder, *OLDER, f"update.at_range={value}")
        assert problems == [
            f"update.at_range: must be move, as in {folder}, to resume it, got {value}."
        ]
        assert earlier.plan is None
    problems, earlier = resume_older_study(folder, *OLDER, "update.at_range=move")
    assert problems == []
    assert earlier.plan.variants[0].fixed["update"]["at_range"] == "move"
    wider = "update.at_range=choice(move,stay)"
    problems, earlier = resume_older_study(folder, *OLDER, wider)
    assert problems == []
    assert "update.at_range" in earlier.plan.variants[0].searched
    problems, _ = resume_older_study(folder, *OLDER, "update.at_range=choice(stay,project)")
    assert f"update.at_range: must hold move, as in {folder}" in problems[0]


def test_an_older_study_is_said_to_take_a_default(tmp_path):
    write_older_study(tmp_path / "study", ["model.activation"], *OLDER)
    problems, earlier = resume_older_study(tmp_path / "study", *OLDER)
    assert problems == []
    default = make_plan(*OLDER).variants[0].fixed["model"]["activation"]
    assert earlier.plan.warnings[-1] == (
        "resume: study is older than these knobs, which take their defaults: "
        f"model.activation={default}."
    )
    problems, _ = resume_older_study(tmp_path / "study", *OLDER, "model.activation=elu")
    assert f"model.activation: must be {default}, as in" in problems[0]


@pytest.mark.parametrize(
    ("former", "words"),
    [
        (True, []),
        (False, ["model.normalize=none"]),
        (True, ["model.normalize=choice(data,none)"]),
    ],
)
def test_values_that_a_knob_once_had_are_read_as_those_it_has(tmp_path, former, words):
    """`normalize` was true or false."""
    folder, plan = tmp_path / "study", make_plan(*BEFORE[:1])
    record = make_record(plan, 0, 0.2, optimizer__weight_decay=0.05)
    content = description.describe_study(plan, [Level(plan.epochs)], 0, [])
    content["fixed"]["model"]["normalize"] = record.groups["model"]["normalize"] = former
    write_results_folder(folder, plan, record)
    results_folder.write_search_yaml(folder, content)
    problems, earlier = resume_older_study(folder, *BEFORE[:1], *words)
    assert problems == []
    scheduler = build_scheduler(earlier.plan, [])
    load_resume_state(folder, earlier.plan, scheduler, None)
    problems, _ = resume_older_study(folder, *BEFORE[:1], "model.normalize=0.5,0.25")
    assert "model.normalize: must be" in problems[0]


def test_a_search_of_values_that_a_knob_once_had_is_resumed(tmp_path):
    words = [*BEFORE[:1], "model.normalize=choice(true,false)"]
    plan = make_plan(*words)
    record = make_record(plan, 0, 0.2, optimizer__weight_decay=0.05, model__normalize=False)
    write_results_folder(tmp_path / "study", plan, record)
    problems, earlier = resume_older_study(tmp_path / "study", *words)
    assert problems == []
    scheduler = build_scheduler(earlier.plan, [])
    state = load_resume_state(tmp_path / "study", earlier.plan, scheduler, None)
    study = ensure_optuna_study(
        tmp_path / "study", earlier.plan, scheduler.levels, state.records, [], before=None
    )
    assert study.trials[0].params["model.normalize"] is False


def test_a_study_that_has_every_knob_is_left_alone(tmp_path):
    write_older_study(tmp_path / "study", [], *OLDER)
    _, earlier = resume_older_study(tmp_path / "study", *OLDER)
    plan = make_plan(*OLDER, "resume=auto")
    assert earlier.plan.variants[0].fixed == plan.variants[0].fixed
    assert earlier.plan.warnings == plan.warnings


def test_each_variant_of_an_older_study_keeps_what_it_did(tmp_path):
    words = ["update=choice(free,alternate)", *BEFORE[:1]]
    plan = make_plan(*words)
    content = description.describe_study(plan, [Level(plan.epochs)], 0, [])
    del content["variants"]["update=free"]["fixed"]["update"]["at_range"]
    write_results_folder(tmp_path / "study", plan)
    results_folder.write_search_yaml(tmp_path / "study", content)
    problems, earlier = resume_older_study(tmp_path / "study", *words)
    assert problems == []
    fixed = {each.label: each.fixed["update"] for each in earlier.plan.variants}
    assert fixed["update=free"]["at_range"] == "move"
    assert "at_range" not in fixed["update=alternate"]


def test_every_former_value_is_one_that_its_knob_may_have():
    found = set()
    for name, group in GROUPS.items():
        for member in group.members() or [None]:
            knobs = group.member_knobs(member)
            for key, value in group.former_values(member).items():
                assert knobs[key].validate(value) == value
                found.add(f"{name}.{key}")
    assert {"update.at_range", "method.search", "eps_schedule.every"} <= found


DONE = Outcome(0, Path("results/study"))


def test_an_older_winner_is_trained_as_it_was(tmp_path, monkeypatch):
    plans = []
    monkeypatch.setattr(train, "launch", lambda plan, *_: plans.append(plan) or DONE)
    plan = make_plan(*OLDER)
    groups = tuples_to_lists(make_record(plan, 0, optimizer__weight_decay=0.05).groups)
    del groups["update"]["at_range"]
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(groups | {"epochs": 2}))
    assert train.main([f"config={file}"]) == 0
    assert train.main([f"config={file}", "update.at_range=project"]) == 0
    groups["update"] = {"name": "free"}  # by hand
    file.write_text(yaml.safe_dump(groups | {"epochs": 2}))
    assert train.main([f"config={file}"]) == 0
    chosen = [plan.variants[0].fixed["update"]["at_range"] for plan in plans]
    assert chosen == ["move", "project", "stay"]
    assert plans[0].warnings[-1].endswith("which keep what it did before: update.at_range=move.")
    assert not any("older" in text for plan in plans[1:] for text in plan.warnings)
