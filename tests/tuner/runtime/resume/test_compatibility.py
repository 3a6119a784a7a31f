"""In which other spaces a study may be resumed."""

import pytest

from tests.tuner.study_files import make_plan
from tuner.config import description
from tuner.runtime.resume.compatibility import check_space_contains

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


@pytest.mark.parametrize(
    ("more", "problems"),
    [([], []), (["attack.project_start=false"], ["attack.project_start: must be left out"])],
)
def test_a_knob_that_is_newer_than_the_study_has_its_default(tmp_path, more, problems):
    described = description.describe_study(make_plan(*BEFORE), (), 0, [])
    del described["fixed"]["attack"]["project_start"]
    found = list(check_space_contains(tmp_path, described, make_plan(*BEFORE, *more)))
    assert [problem.partition(",")[0] for problem in found] == problems
