"""Which trials of other studies a study may learn from."""

import pytest

from tests.tuner.study_files import make_plan, make_record, write_results_folder
from trainables.errors import InputError
from tuner.runtime.resume.warm_start import load_warm_start


def load_transferred(tmp_path, *words, folder="mine"):
    plan = make_plan(f"warm_start={tmp_path / 'source'}", *words)
    return load_warm_start(plan, tmp_path / folder)


def refusal(tmp_path, *words, **where):
    with pytest.raises(InputError) as error:
        load_transferred(tmp_path, *words, **where)
    (problem,) = error.value.problems
    assert problem.startswith("warm_start: ")
    return problem


@pytest.fixture
def source(tmp_path):
    plan, wide = make_plan(), make_plan("optimizer.weight_decay=loguniform(1e-5,1)")
    stronger = make_plan("threat.eps=0.2")
    values = (0.3, 0.5, 0.4)
    return write_results_folder(
        tmp_path / "source",
        plan,
        make_record(plan, 0, *values, optimizer__weight_decay=1e-3, clean=0.7),
        make_record(plan, 1, 0.2, optimizer__weight_decay=1e-4, status="stopped"),
        make_record(plan, 2, optimizer__weight_decay=1e-4, status="failed"),
        make_record(plan, 3, 0.2, optimizer__weight_decay=1e-4, status="running"),
        make_record(wide, 4, *values, optimizer__weight_decay=0.5),
        make_record(stronger, 5, *values, optimizer__weight_decay=1e-3),
        make_record(plan, 6, 0.2, 0.3, optimizer__weight_decay=1e-4),
    )


def test_ended_trials_within_the_space_are_transferred(tmp_path, source):
    (transferred,) = load_transferred(tmp_path)
    assert [record.trial_id for record in transferred.trials] == ["0000", "0001"]
    assert dict(transferred.excluded) == {
        "it failed": 1,
        "it has not ended": 1,
        "optimizer.weight_decay is outside loguniform(1e-05, 0.01)": 1,
        "threat.eps is 0.2 there and 0.3 here": 1,
        "it ended after 2 epochs": 1,
    }
    assert str(transferred).startswith(
        f"Learns from 2 of 7 trials of {source}; left out: 1 because"
    )


def test_a_knob_that_is_fixed_there_may_be_searched_here(tmp_path, source):
    (transferred,) = load_transferred(tmp_path, "attack.step_size=uniform(0.05,0.2)")
    assert len(transferred.trials) == 2


def test_transferred_trials_are_judged_by_the_constraint_of_this_study(tmp_path, source):
    (transferred,) = load_transferred(tmp_path, "constraint=clean>=0.8")
    assert [record.is_feasible for record in transferred.trials] == [False, True]


def test_a_folder_must_be_that_of_another_search(tmp_path, source):
    assert "write resume=auto to resume it" in refusal(tmp_path, folder="source")
    (source / "journal.jsonl").unlink()
    assert "holds no journal.jsonl" in refusal(tmp_path)


def test_other_epochs_are_another_fidelity(tmp_path, source):
    text = refusal(tmp_path, "epochs=5")
    assert "have epochs=3" in text
    assert "write epochs=3, or leave" in text
    assert "precision=fp32" in refusal(tmp_path, "precision=bf16")


def test_a_source_without_fitting_trials_is_refused_with_the_reason(tmp_path, source):
    text = refusal(tmp_path, "threat.eps=0.1")
    assert "no trial that fits" in text
    assert "threat.eps is 0.3 there and 0.1 here" in text


def test_a_description_that_is_cut_off_is_reported(tmp_path, source):
    (source / "search.yaml").write_text("study: [")
    assert "search.yaml cannot be read" in refusal(tmp_path)


def test_all_problems_are_reported_at_once(tmp_path):
    with pytest.raises(InputError) as error:
        load_warm_start(make_plan(f"warm_start={tmp_path / 'a'},{tmp_path / 'b'}"), tmp_path)
    assert len(error.value.problems) == 2
