"""Which trials of other studies a study may learn from."""

import pytest

from tests.tuner.study_files import make_plan, make_record, write_results_folder
from trainables.errors import InputError
from tuner.runtime.resume.warm_start import load_warm_start


def lent(tmp_path, *words, folder="mine"):
    plan = make_plan(f"warm_start={tmp_path / 'lender'}", *words)
    return load_warm_start(plan, tmp_path / folder)


def refused(tmp_path, *words, **where):
    with pytest.raises(InputError) as error:
        lent(tmp_path, *words, **where)
    (problem,) = error.value.problems
    assert problem.startswith("warm_start: ")
    return problem


@pytest.fixture
def lender(tmp_path):
    plan, wide = make_plan(), make_plan("optimizer.weight_decay=loguniform(1e-5,1)")
    stronger = make_plan("threat.eps=0.2")
    values = (0.3, 0.5, 0.4)
    return write_results_folder(
        tmp_path / "lender",
        plan,
        make_record(plan, 0, *values, optimizer__weight_decay=1e-3, clean=0.7),
        make_record(plan, 1, 0.2, optimizer__weight_decay=1e-4, status="stopped"),
        make_record(plan, 2, optimizer__weight_decay=1e-4, status="failed"),
        make_record(plan, 3, 0.2, optimizer__weight_decay=1e-4, status="running"),
        make_record(wide, 4, *values, optimizer__weight_decay=0.5),
        make_record(stronger, 5, *values, optimizer__weight_decay=1e-3),
        make_record(plan, 6, 0.2, 0.3, optimizer__weight_decay=1e-4),
    )


def test_trials_are_lent_that_could_have_been_ours_and_have_ended(tmp_path, lender):
    (loan,) = lent(tmp_path)
    assert [record.trial_id for record in loan.trials] == ["0000", "0001"]
    assert dict(loan.excluded) == {
        "it failed": 1,
        "it has not ended": 1,
        "optimizer.weight_decay is outside loguniform(1e-05, 0.01)": 1,
        "threat.eps is 0.2 there and 0.3 here": 1,
        "it ended after 2 epochs": 1,
    }
    assert str(loan).startswith(f"Learns from 2 of 7 trials of {lender}; left out: 1 because")


def test_a_knob_that_is_fixed_there_may_be_searched_here(tmp_path, lender):
    (loan,) = lent(tmp_path, "attack.step_size=uniform(0.05,0.2)")
    assert len(loan.trials) == 2


def test_what_is_lent_is_seen_under_the_constraint_of_who_borrows(tmp_path, lender):
    (loan,) = lent(tmp_path, "constraint=clean>=0.8")
    assert [record.is_feasible for record in loan.trials] == [False, True]


def test_a_folder_must_be_that_of_another_search(tmp_path, lender):
    assert "write resume=auto to resume it" in refused(tmp_path, folder="lender")
    (lender / "journal.jsonl").unlink()
    assert "holds no journal.jsonl" in refused(tmp_path)


def test_other_epochs_are_another_fidelity(tmp_path, lender):
    text = refused(tmp_path, "epochs=5")
    assert "have epochs=3" in text
    assert "write epochs=3, or leave" in text
    assert "precision=fp32" in refused(tmp_path, "precision=bf16")


def test_who_has_nothing_to_lend_is_told_why(tmp_path, lender):
    text = refused(tmp_path, "threat.eps=0.1")
    assert "no trial that fits" in text
    assert "threat.eps is 0.3 there and 0.1 here" in text


def test_a_description_that_is_cut_off_is_told(tmp_path, lender):
    (lender / "search.yaml").write_text("study: [")
    assert "search.yaml cannot be read" in refused(tmp_path)


def test_all_problems_are_told_at_once(tmp_path):
    with pytest.raises(InputError) as error:
        load_warm_start(make_plan(f"warm_start={tmp_path / 'a'},{tmp_path / 'b'}"), tmp_path)
    assert len(error.value.problems) == 2
