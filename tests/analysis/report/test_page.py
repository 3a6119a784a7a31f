import json
import re
from html import unescape

import pandas as pd
import pytest

import analysis
from analysis.report.__main__ import main
from analysis.report.page import render_page, render_sections
from analysis.report.payload import build_payload
from analysis.report.ranking import Ranking, build_ranking, sample_trials
from analysis.report.trials import add_selected_epochs, find_leaders, find_pareto_labels
from tests.analysis.report.studies import trial_row, write_small_study_folder, write_study_folder

NONE = Ranking(knobs=[], pairs=[], notes=[])
HOSTILE = "</script><script>alert(1)</script>'\"&\u2028\u2029<!--ü{{7*7}}"


def data_of(html):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', html)[1]
    )


def load_selected(folder):
    return add_selected_epochs(analysis.load(folder))


def test_curves_are_cut_where_trials_begin(tmp_path):
    found = build_payload(load_selected(write_small_study_folder(tmp_path / "s")))["curves"]
    assert found["starts"] == [0, 4, 8, 12, 16, 20, 24]
    assert found["selected"] == [2, 6, 10, 14, 18, 22]
    # trial 0003 rises to 0.6 in quarters and falls by 0.05
    assert found["measures"]["val_robust_accuracy"][12:16] == [0.15, 0.3, 0.6, 0.55]


def test_a_trial_without_epochs_has_none(tmp_path):
    rows = [trial_row("0000", 0.4, knobs={"k": 1}), trial_row("0001", 0.5, knobs={"k": 2})]
    folder = write_study_folder(tmp_path / "s", rows)
    epochs = pd.read_parquet(folder / "epochs.parquet")
    epochs[epochs["trial_id"] == "0001"].to_parquet(folder / "epochs.parquet")
    found = build_payload(load_selected(folder))["curves"]
    assert found["starts"] == [0, 0, 4]
    assert found["selected"] == [-1, 2]


def test_accuracies_have_four_digits_and_knobs_six(tmp_path):
    rows = [trial_row("0000", 0.123456789, knobs={"k": 0.00123456789})]
    found = build_payload(load_selected(write_study_folder(tmp_path / "s", rows)))
    values = {each["key"]: each["values"] for each in found["columns"]}
    assert values["val_robust_accuracy"] == [0.123457]
    assert max(found["curves"]["measures"]["val_robust_accuracy"]) == 0.1235
    rows += [trial_row("0001", 0.2, knobs={"k": 50.0})]
    found = build_payload(load_selected(write_study_folder(tmp_path / "s", rows)))
    assert {e["key"]: e["values"] for e in found["columns"]}["k"] == [0.00123457, 50]


def test_the_leader_satisfies_the_constraint(tmp_path):
    rows = [
        trial_row("0000", 0.6, knobs={"k": 1}, feasible=False),
        trial_row("0001", 0.5, knobs={"k": 2}, feasible=True),
    ]
    assert find_leaders(load_selected(write_study_folder(tmp_path / "s", rows))) == {
        ("s", "mnist5k"): 1
    }


def test_several_seeds_rank_above_one_lucky_seed(tmp_path):
    """As in tuner.state.study: of what was run with the most seeds the highest mean leads."""
    rows = [
        trial_row("0000", 0.50, knobs={"k": 1}, mean=0.50, n=1),
        trial_row("0001", 0.46, knobs={"k": 2}, mean=0.45, n=2),
        trial_row("0002", 0.48, knobs={"k": 3}, mean=0.44, n=2),
        trial_row("0001s1", 0.44, knobs={"k": 2}, mean=0.45, n=2),
        trial_row("0002s1", 0.40, knobs={"k": 3}, mean=0.44, n=2),
    ]
    assert find_leaders(load_selected(write_study_folder(tmp_path / "s", rows))) == {
        ("s", "mnist5k"): 1
    }


def test_fronts_are_of_each_study(tmp_path):
    write_small_study_folder(tmp_path / "a")
    write_small_study_folder(tmp_path / "b")
    frames = add_selected_epochs(analysis.load(tmp_path / "a", tmp_path / "b"))
    # clean accuracy is robust accuracy plus 0.3, so that one trial beats all others in both
    assert build_payload(frames)["fronts"] == [[3], [9]]
    assert build_payload(frames)["best"] == [3, 9]


def test_trials_are_compared_within_one_threat_and_data_set(tmp_path):
    """The l2 trial has the highest accuracy, which says nothing about those under linf."""
    variants = {
        name: {"fixed": {"threat": {"name": norm, "eps": eps}, "data": {"name": "cifar10"}}}
        for name, norm, eps in (("a", "linf", 8 / 255), ("b", "linf", 8 / 255), ("c", "l2", 0.5))
    }
    rows = [
        trial_row(f"{i:04d}", top, knobs={"variant": name})
        for i, (name, top) in enumerate(zip("abc", (0.45, 0.50, 0.627), strict=True))
    ]
    folder = write_study_folder(tmp_path / "s", rows, variants=variants)
    frames = load_selected(folder)
    assert find_leaders(frames) == {
        ("s", "linf, eps 0.03137, cifar10"): 1,
        ("s", "l2, eps 0.5, cifar10"): 2,
    }
    payload = build_payload(frames)
    assert payload["questions"] == [1, 1, 0]
    assert sorted(payload["fronts"]) == [[1], [2]]
    assert "threat and data" in [column["title"] for column in payload["columns"]]
    text = render_sections(analysis.load(folder), NONE)["summary"]
    assert "<h3>s, linf, eps 0.03137, cifar10</h3>" in text
    assert "<h3>s, l2, eps 0.5, cifar10</h3>" in text


def test_among_equals_higher_clean_accuracy_is_on_the_front():
    points = pd.DataFrame({
        "val_robust_accuracy": [0.5, 0.5, None], "val_clean_accuracy": [0.8, 0.9, 0.99]
    })  # fmt: skip
    assert find_pareto_labels(points) == [1]


def test_the_summary_counts_trials_indistinguishable_from_the_leader(tmp_path):
    rows = [
        trial_row(f"{i:04d}", top, knobs={"k": i}) for i, top in enumerate([0.60, 0.58, 0.57, 0.56])
    ]
    text = render_sections(analysis.load(write_study_folder(tmp_path / "s", rows)), NONE)["summary"]
    # Wilson's interval of 600 of 1,000: centre 0.5996, half-width 0.0303
    assert "[56.9, 63.0] %; 2 others are in that interval" in text
    assert "its last epoch is 5.0 points below its best" in text


def test_the_summary_says_that_the_leader_does_not_beat_the_largest_class(tmp_path):
    balanced = {"val_balanced_clean_accuracy": 0.7, "val_balanced_robust_accuracy": 0.4}
    rows = [trial_row("0000", 0.6, knobs={"k": 1}, **balanced)]
    said = {"validation_classes": {"classes": 2, "largest_share": 0.94}}
    folder = write_study_folder(tmp_path / "s", rows, **said)
    text = render_sections(analysis.load(folder), NONE)["summary"]
    assert "largest of 2 classes has 94.0 % of the validation split" in text
    assert "robust 40.0 %, clean 70.0 %." in text
    assert "does not beat the largest class (robust 60.0 %, clean 90.0 %)" in text
    rows[0]["variant"] = "a"
    variants = {"a": {"fixed": {}, **said}, "b": {"fixed": {}}}
    of_variants = write_study_folder(tmp_path / "t", rows, variants=variants)
    assert "largest of 2 classes" in render_sections(analysis.load(of_variants), NONE)["summary"]
    plain = write_study_folder(tmp_path / "u", rows)
    assert "largest" not in render_sections(analysis.load(plain), NONE)["summary"]


def test_the_summary_reports_early_stopping_savings(tmp_path):
    text = render_sections(analysis.load(write_small_study_folder(tmp_path / "s")), NONE)["summary"]
    # one of five was stopped, behind as many epochs as the others had
    assert "1 of 5 trials were stopped, which saved 0 % of the epochs" in text


def test_reasons_are_named(tmp_path):
    rows = [
        trial_row("0000", 0.4, knobs={"k": 1}),
        trial_row(
            "0001", 0.3, knobs={"k": 2}, status="failed", error="RuntimeError: no more memory"
        ),
        trial_row("0002", 0.3, knobs={"k": 3}, status="stopped", collapsed_at=250),
        trial_row("0003", 0.3, knobs={"k": 4}, status="diverged"),
    ]
    text = render_sections(analysis.load(write_study_folder(tmp_path / "s", rows)), NONE)["endings"]
    order = [text.index(word) for word in ("1 failed", "1 diverged", "1 collapsed")]
    assert order == sorted(order)
    assert "RuntimeError: no more memory" in text
    assert "after 250 updates PGD succeeded" in text
    assert "1 stopped" not in text


def test_sanity_checks_come_before_the_evaluation(tmp_path):
    folder = write_small_study_folder(tmp_path / "s")
    pd.DataFrame([
        {"trial_id": "0003", "rule": "best_validation_robust", "attack": attack, "norm": "linf",
         "eps": 0.3, "n": 200, "clean_accuracy": 0.9, "attacked": 180, "fooled": 60,
         "robust_accuracy": robust, "low": robust - 0.05, "high": robust + 0.05, "alone": False,
         "audit": audit, "seconds": 1.0}
        for attack, robust, audit in (("fgsm", 0.6, ""), ("pgd_20", 0.55, "weaker; too weak"))
    ]).to_parquet(folder / "evaluation.parquet")  # fmt: skip
    text = render_sections(analysis.load(folder), NONE)
    assert "<li>weaker</li>" in text["tested"]
    assert "<li>too weak</li>" in text["tested"]
    assert "55.0 %" in text["summary"]  # the least of both
    assert "Sanity check of its test number failed: weaker." in text["summary"]


def test_importances_use_a_sample_of_many_trials(tmp_path):
    rows = [trial_row(f"{i:04d}", 0.3, knobs={"k": i}) for i in range(160)]
    frames = analysis.load(write_study_folder(tmp_path / "s", rows))
    some, notes = sample_trials(frames)
    assert len(some.trials) == 150
    assert set(some.epochs["trial_id"]) == set(some.trials["trial_id"])
    assert notes == ["s: by 150 of its 160 trials, drawn at random."]


def test_diagnostics_are_shown_or_their_absence_is_reported(tmp_path):
    folder = write_small_study_folder(tmp_path / "s")
    row = {"trial_id": "0003", "measure": "fosc", "quantity": "mean", "value": 0.123456, "n": 10}
    pd.DataFrame([row]).to_parquet(folder / "diagnostics.parquet")
    (folder / "diagnostics").mkdir()
    (folder / "diagnostics/surface-1.png").write_bytes(b"\x89PNG")
    shown = render_sections(analysis.load(folder), NONE)["diagnosed"]
    assert "0.1235" in shown
    assert 'src="data:image/png;base64,iVBORw=="' in shown
    (folder / "diagnostics.parquet").write_bytes(b"PAR1half")
    assert (
        "diagnostics.parquet cannot be read"
        in render_sections(analysis.load(folder), NONE)["diagnosed"]
    )


def hostile(tmp_path):
    name = HOSTILE.replace("/", "")  # the one character that a folder cannot have
    rows = [
        trial_row("0000", 0.4, knobs={HOSTILE: HOSTILE}),
        trial_row("0001", 0.3, knobs={HOSTILE: "relu"}, status="failed", error=HOSTILE),
    ]
    folder = write_study_folder(tmp_path / name, rows, command=HOSTILE)
    row = {"trial_id": "0000", "rule": HOSTILE, "attack": HOSTILE, "audit": HOSTILE}
    pd.DataFrame([row]).to_parquet(folder / "evaluation.parquet")
    return folder


def test_study_texts_are_escaped(tmp_path):
    frames = analysis.load(hostile(tmp_path))
    html = render_page(frames, NONE)
    assert "<script>alert" not in html
    assert "alert(1)" in html  # it is there, as text
    assert "\u2028" not in html.split('id="data">')[1].split("</script>")[0]
    column = data_of(html)["columns"][4]  # behind trial, status and the accuracies
    assert (column["key"], column["values"][0]) == (HOSTILE, HOSTILE)


def test_the_page_loads_nothing_external(tmp_path):
    html = render_page(analysis.load(write_small_study_folder(tmp_path / "s")), NONE)
    assert "connect-src 'none'" in unescape(html)
    ours = re.sub(r'<script type="text/plain".*?</script>', "", html, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)""", ours)
    assert not re.findall(r"@import|url\(", ours)


@pytest.mark.parametrize("kind", ["one", "all failed", "none completed", "no metric", "no trials"])
def test_missing_parts_are_reported_and_not_fatal(tmp_path, kind, capsys):
    rows = [trial_row(f"{i:04d}", 0.4, knobs={"k": i}) for i in range(3)]
    if kind == "one":
        rows = rows[:1]
    elif kind == "all failed":
        empty = dict.fromkeys(["best_epoch", "val_robust_accuracy", "val_clean_accuracy"])
        rows = [row | empty | {"status": "failed", "epochs": 0, "error": "boom"} for row in rows]
    elif kind == "none completed":
        rows = [row | {"status": "stopped"} for row in rows]
    elif kind == "no metric":
        rows = [row | {"val_robust_accuracy": None, "val_clean_accuracy": None} for row in rows]
    curves = kind not in {"all failed", "no metric"}
    folder = tmp_path / "s"
    if curves:
        write_study_folder(folder, rows)
    else:
        write_study_folder(folder, [row | {"val_robust_accuracy": 0.0} for row in rows])
        pd.DataFrame(rows).to_parquet(folder / "trials.parquet")
        pd.read_parquet(folder / "epochs.parquet").iloc[:0].to_parquet(folder / "epochs.parquet")
    if kind == "no trials":
        (folder / "trials.parquet").unlink()
        (folder / "epochs.parquet").unlink()
    assert main([str(folder)]) == 0
    text = (folder / "report.html").read_text()
    said = {
        "one": "Best: trial 0000",
        "all failed": "No trial has reported an accuracy",
        "none completed": "3 stopped",
        "no metric": "No trial has reported an accuracy",
        "no trials": "trials.parquet is missing",
    }
    assert said[kind] in text


def test_studies_with_different_columns_share_a_page(tmp_path):
    write_study_folder(tmp_path / "a", [trial_row("0000", 0.4, knobs={"only.a": 1})])
    write_study_folder(tmp_path / "b", [trial_row("0000", 0.5, knobs={"only.b": "x"})])
    (tmp_path / "b" / "epochs.parquet").write_bytes(b"PAR1half")
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), f"to={tmp_path / 'both.html'}"]) == 0
    html = (tmp_path / "both.html").read_text()
    values = {each["key"]: each["values"] for each in data_of(html)["columns"]}
    assert values["only.a"] == [1, None]
    assert values["only.b"] == [None, "x"]
    assert "b: epochs.parquet cannot be read" in html


def test_errors_are_reported_together(tmp_path, capsys):
    words = [str(tmp_path), "to=x.txt", "live=maybe", "port=70000", "prot=1"]
    assert main(words) == 2
    told = capsys.readouterr().err
    for word in ("no search.yaml", "ends with .html", "live", "port: must be", "prot: no such key"):
        assert word in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["live=true", "to=x.html"], "nothing is written with live=true"),
        (["port=8000"], "nothing is served without live=true"),
        (["to=nowhere/x.html"], "there is no folder"),
    ],
)
def test_conflicting_keys_are_rejected(tmp_path, words, message, capsys):
    assert main([str(write_small_study_folder(tmp_path / "s")), *words]) == 2
    assert message in capsys.readouterr().err


def test_no_folder_is_rejected(capsys):
    assert main(["to=x.html"]) == 2
    assert "expected at least one results folder" in capsys.readouterr().err


def test_too_few_trials_are_not_ranked(tmp_path):
    found = build_ranking(analysis.load(write_small_study_folder(tmp_path / "s")))
    assert not found.knobs
    assert found.notes
