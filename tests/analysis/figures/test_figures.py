"""What all figures have in common: readable, the same bytes each time, a reason where none is."""

import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import colors, rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from analysis import figures
from analysis.figures import _style
from analysis.figures.__main__ import main
from analysis.frames import join_frames
from tests.analysis.figures.frames import collect_text, study_frames, trial_row
from trainables.errors import InputError

SEES = {
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                    [-0.011820, 0.042940, 0.968881]],
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                  [-0.003882, -0.048116, 1.051998]],
}  # fmt: skip
"""What becomes of linear RGB (Machado et al., 2009, severity 1)."""
NAMES = ["plain", "a_very_long_name_of_a_study_that_nobody_should_have_given", "cost $5 & 10 % <b>"]


def rich(number=24, name="made", seed=0):
    """Return a study that has all that figures ask for: two radii, schedules, rungs, epochs."""
    rng = np.random.default_rng(seed)
    rows, curves = [], {}
    for i in range(number):
        best = float(rng.uniform(0.2, 0.6))
        status = ("completed", "completed", "stopped", "diverged")[i % 4 if i > 3 else 0]
        rows.append(
            trial_row(best, best + 0.3, best - 0.05, status, threat__eps=(8 + 8 * (i % 2)) / 255,
                  optimizer__lr=float(10 ** rng.uniform(-3, 0)),
                  eps_schedule=("linear", "cosine")[i % 2],
                  optimizer__weight_decay=float(10 ** rng.uniform(-5, -2)) if i % 5 else 0.0,
                  model__activation=("relu", "softplus", "leaky_relu", "hardswish", "gelu")[i % 5])
        )  # fmt: skip
        length = 4 if status == "completed" else 2
        curves[f"{i:04d}"] = list(best * np.linspace(0.5, 1, length))
    said = {"levels": [{"epochs": 4}], "scheduler": {"name": "halving", "rungs": [0.5]}}
    return study_frames(rows, said, curves, name=name)


def lab(colour, matrix=None):
    """Return a colour in CIELAB, as who has two kinds of cones sees it."""
    rgb = np.array(colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    if matrix is not None:
        linear = np.clip(np.array(matrix) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(to_xyz) @ linear / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_folder_is_the_registry():
    files = Path(figures.__file__).parent.glob("[!_]*.py")
    assert figures.list_figures() == sorted(file.stem for file in files)
    assert len(figures.list_figures()) == 10
    for name in figures.list_figures():
        assert figures.describe_figure(name).endswith(".")
        assert re.search(r"arXiv:\d{4}\.\d{5}|Inselberg, 1985", figures.describe_figure(name)), name


@pytest.mark.parametrize("eyes", [None, *SEES])
def test_colours_are_distinguishable_to_colour_blind_readers(eyes):
    seen = [lab(colour, SEES.get(eyes)) for colour in _style.COLOURS]
    apart = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(apart) > 11.5  # five times what is just noticeable, 2.3 (Mahy et al., 1994)
    assert all(each[0] < 78 for each in seen)  # lines on white, whose lightness is 100


def test_lines_differ_in_more_than_colour():
    assert len(set(_style.MARKERS)) == len(set(_style.DASHES)) == len(set(_style.COLOURS)) == 7


@pytest.mark.slow
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("name", figures.list_figures())
def test_nothing_overlaps_or_is_cut_off(name, several, monkeypatch):
    frames = join_frames([rich(name=each) for each in NAMES]) if several else rich()
    figure = figures.draw(name, frames)
    assert figure.get_size_inches()[0] in (_style.COLUMN_WIDTH, _style.PAGE_WIDTH)
    drawn, draw = [], Text.draw
    monkeypatch.setattr(Text, "draw", lambda t, renderer: (drawn.append(t), draw(t, renderer)))
    FigureCanvasAgg(figure).draw()  # marks beyond the ends of an axis are not drawn
    written = [t for t in drawn if t.get_visible() and t.get_text().strip()]
    boxes = [(t.get_text(), Text.get_window_extent(t)) for t in written]  # without its arrow
    whole = figure.bbox.padded(1)  # pixel of rounding
    for words, box in boxes:
        assert whole.x0 <= box.x0, words
        assert box.x1 <= whole.x1, words
        assert whole.y0 <= box.y0, words
        assert box.y1 <= whole.y1, words
    if name != "parallel_coordinates":  # whose slanted names have wide boxes
        for (a, one), (b, other) in itertools.combinations(boxes, 2):
            assert not one.padded(-1).overlaps(other.padded(-1)), (a, b)
    assert min(t.get_fontsize() for t in written) >= 7


@pytest.mark.parametrize("kind", ["pdf", "svg", "png"])
def test_the_same_bytes_each_time(kind, tmp_path):
    for turn in ("a", "b"):
        figures.save(figures.draw("clean_robust", rich()), tmp_path / f"{turn}.{kind}")
    first, second = ((tmp_path / f"{turn}.{kind}").read_bytes() for turn in "ab")
    assert first == second
    assert not re.search(rb"CreationDate|<dc:date>|20\d\d-\d\d-\d\dT", first)


def test_matplotlib_settings_are_unchanged(tmp_path):
    before = dict(rcParams)
    figures.save(figures.draw("sensitivity", rich()), tmp_path / "a.png")
    assert dict(rcParams) == before
    rcParams["font.size"] = 20
    try:
        figure = figures.draw("sensitivity", rich())
        assert max(t.get_fontsize() for t in figure.findobj(Text) if t.get_text()) < 8
    finally:
        rcParams["font.size"] = before["font.size"]


def test_names_are_not_read_as_formulas():
    assert NAMES[2] in collect_text(figures.draw("learning_curves", rich(name=NAMES[2])))
    figures.draw("learning_curves", rich(name="$x^$"))


EMPTY = pd.DataFrame(columns=["study", "trial_id", "epoch"])
NAN = float("nan")
ONE = [trial_row(0.5, optimizer__lr=0.1)]
LACKING = {
    "nothing at all": (study_frames([]), "expected robust accuracies of trials, got none of 0"),
    "all failed": (study_frames([trial_row(NAN, status="failed")] * 2), "got none of 2"),
    "no number": (study_frames([trial_row(NAN, optimizer__lr=0.1)]), "got none of 1"),
}


@pytest.mark.parametrize("name", figures.list_figures())
@pytest.mark.parametrize("case", LACKING)
def test_missing_accuracies_are_reported(name, case):
    frames, reason = LACKING[case]
    with pytest.raises(InputError, match=reason) as caught:
        figures.draw(name, frames)
    assert str(caught.value).count(f"{name}: ") == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    {
        "clean_robust": r"at least 2 trials with clean and robust accuracy, got 1",
        "collapse": "expected trials with a number for threat.eps, got none",
        "learning_curves": "at least 2 epochs with a robust accuracy, got 0 of trial 0000 in made",
        "lr_sensitivity": "expected eps_schedule of each trial",
        "parallel_coordinates": "expected a knob with at least 2 values, got none of optimizer.lr",
        "radii": "expected trials with a number for threat.eps, got none",
        "rungs": "expected epochs with a robust accuracy, got none in made",
        "sensitivity": "expected a knob with at least 2 values, got none of optimizer.lr",
        "weight_decay": "expected trials with a number for optimizer.weight_decay, got none",
    }.items(),
)
def test_figures_of_one_trial_report_what_is_missing(name, reason):
    assert reason in figures.check_drawable(study_frames(ONE))[name]


def test_a_missing_evaluation_is_reported():
    reasons = figures.check_drawable(rich(), accuracies="evaluation")
    for name, reason in reasons.items():
        curves = name in ("learning_curves", "rungs")
        expected = "accuracies=validation" if curves else "attuner evaluate"
        assert expected in reason, name
    others = pd.DataFrame({"trial_id": ["0000"], "rule": ["oracle"], "attack": ["pgd"], "n": [9],
                           "robust_accuracy": [0.5], "clean_accuracy": [0.9]})  # fmt: skip
    frames = study_frames(ONE, evaluation=others)
    with pytest.raises(InputError, match="rules=best_validation_robust"):
        figures.draw("overfitting", frames, accuracies="evaluation")


def test_all_can_be_drawn_of_a_rich_study():
    assert set(figures.check_drawable(rich()).values()) == {None}


def test_too_many_lines_are_rejected():
    rows = [trial_row(0.5, threat__eps=eps, method=f"m{i}") for i in range(8) for eps in (0.1, 0.2)]
    with pytest.raises(InputError, match="expected at most 7 lines to tell apart, got 8"):
        figures.draw("radii", study_frames(rows))
    with pytest.raises(InputError, match="expected at most 4 studies, got 5"):
        figures.draw("rungs", join_frames([rich(4, name=f"s{i}") for i in range(5)]))


def test_knobs_of_any_kind_have_an_axis():
    rows = [trial_row(0.1 * i, a=value, b=None, c="[0.5]", d=i, e=bool(i % 2))
            for i, value in enumerate(["x", 3, None, True, "[1, 2]"])]  # fmt: skip
    axes = {
        each.get_xlabel(): each for each in figures.draw("sensitivity", study_frames(rows)).axes
    }
    assert set(axes) == {"a", "d", "e"}
    ticks = [t.get_text() for t in axes["a"].get_xticklabels()]
    assert ticks == ["3", "True", "x", "[1, 2]"]


def test_too_many_labels_are_omitted_and_reported():
    rows = [trial_row(0.01 * i, tag=f"t{i}", optimizer__lr=0.1 * (i + 1)) for i in range(13)]
    figure = figures.draw("sensitivity", study_frames(rows))
    assert [axes.get_xlabel() for axes in figure.axes] == ["optimizer.lr"]
    assert "without tag" in collect_text(figure)
    with pytest.raises(InputError, match="at most 12 values of tag"):
        figures.draw("sensitivity", study_frames(rows), knobs=["tag"])


def test_settings_without_a_knob_are_separate_settings():
    rows = [trial_row(0.5, clean) for clean in (0.7, 0.8)]
    rows = [{**row, "optimizer.centralize": c} for row, c in zip(rows, ("gc", None), strict=True)]
    frames = study_frames([*rows, {**rows[1], "seed": 1}])
    assert "n = 3 trials (2 settings)" in collect_text(figures.draw("clean_robust", frames))


def test_incomparable_trials_are_reported():
    rows = [trial_row(0.5), trial_row(0.4)]
    parts = [
        study_frames(rows, {"fixed": {"data": {"name": name}}}, name=name)
        for name in ("mnist", "cifar10")
    ]
    assert "n = 4 trials (2 settings), 2 studies, 2 data sets" in collect_text(
        figures.draw("clean_robust", join_frames(parts))
    )


def test_invalid_arguments_are_reported(tmp_path):
    with pytest.raises(InputError, match=r"no 'rung'[.] Did you mean 'rungs'"):
        figures.draw("rung", rich())
    with pytest.raises(InputError, match=r"no option knob[.] Did you mean 'knobs'"):
        figures.draw("sensitivity", rich(), knob="optimizer.lr")
    with pytest.raises(InputError, match="accuracies must be validation or evaluation, got 'test'"):
        figures.draw("sensitivity", rich(), accuracies="test")
    with pytest.raises(InputError, match=r"expected a name that ends in .pdf, .svg, .png"):
        figures.save(figures.draw("sensitivity", rich()), tmp_path / "a.gif")
    with pytest.raises(InputError, match="cannot be written"):
        figures.save(figures.draw("sensitivity", rich()), tmp_path / "no/a.png")


@pytest.mark.slow
def test_a_thousand_trials_are_named_sparingly(tmp_path):
    frames = rich(1000)
    for name in ("clean_robust", "sensitivity", "parallel_coordinates", "rungs", "overfitting"):
        figure = figures.draw(name, frames)
        trials = {t.get_text() for t in figure.findobj(Text)} & {f"{i:04d}" for i in range(1000)}
        assert len(trials) <= _style.MAX_NAMED, name
        figures.save(figure, tmp_path / f"{name}.pdf")
        # points and curves of a thousand as vectors take ten times as much
        assert (tmp_path / f"{name}.pdf").stat().st_size < 1_000_000, name


@pytest.fixture
def folder(tmp_path):
    """A results folder, as a search leaves it."""
    frames = rich(8)
    where = tmp_path / "study"
    where.mkdir()
    trials = frames.trials.drop(columns="study")
    knobs = list(frames.knobs)
    rest = [c for c in trials if c not in ("trial_id", "status", *knobs)]
    trials[["trial_id", "status", *knobs, *rest]].to_parquet(where / "trials.parquet")
    frames.epochs.drop(columns="study").to_parquet(where / "epochs.parquet")
    (where / "search.yaml").write_text("levels: [{epochs: 4}]\nscheduler: {name: none}\n")
    return where


def test_the_command_draws_what_can_be_drawn(folder, capsys):
    assert main([str(folder), "figure=clean_robust,learning_curves", "format=svg,png"]) == 0
    written = {file.name for file in (folder / "figures").iterdir()}
    assert written == {
        f"{n}.{k}" for n in ("clean_robust", "learning_curves") for k in ("svg", "png")
    }
    assert "clean_robust: svg, png" in capsys.readouterr().out
    assert main([str(folder), f"to={folder}/x", "accuracies=evaluation", "figure=rungs"]) == 2
    said = capsys.readouterr()
    assert "left out rungs: expected accuracies=validation" in said.out
    assert not (folder / "x").exists()


def test_columns_name_those_of_a_log(tmp_path, capsys):
    rows = {"Name": ["a", "a", "b", "b"], "Step": [1, 2, 1, 2], "pgd": [0.1, 0.2, 0.2, 0.3]}
    pd.DataFrame(rows).to_csv(tmp_path / "log.csv", index=False)
    words = [str(tmp_path / "log.csv"), f"to={tmp_path}", "figure=learning_curves", "format=svg"]
    assert main(words) == 2
    assert "columns" in capsys.readouterr().err
    assert main([*words, "columns=run:Name,epoch:Step,val_robust_acc:pgd"]) == 0
    assert (tmp_path / "learning_curves.svg").is_file()  # without a loss, which the log lacks


def test_the_command_reports_all_errors_together(folder, capsys):
    words = [str(folder), "figure=rung,sensitivity", "format=gif", "colour=red"]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "3 problems" in said
    assert "figure: no 'rung'. Did you mean 'rungs'?" in said
    assert "format" in said
    assert "colour: no such key" in said
    assert main([str(folder / "none"), "format=gif"]) == 2
    assert "2 problems" in capsys.readouterr().err
    (folder / "file").write_text("")
    assert main([str(folder), f"to={folder}/file", "figure=clean_robust"]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_help_names_every_figure(capsys):
    assert main(["--help", "all"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert all(
        name in said and figures.describe_figure(name) in said for name in figures.list_figures()
    )
