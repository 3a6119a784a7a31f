"""What is drawn, read back from the pictures: numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from analysis import figures
from analysis.figures.clean_robust import select_pareto_rows
from analysis.frames import join_frames
from tests.analysis.figures.frames import collect_text, find_line, study_frames, trial_row
from trainables.errors import InputError

WD = "optimizer__weight_decay"
LEVELS = {"levels": [{"epochs": 2}, {"epochs": 3}], "scheduler": {"name": "halving"}}


def attacks(*rows):
    """Rows of an evaluation: trial, rule, attack, n, clean, robust, eps."""
    columns = ["trial_id", "rule", "attack", "n", "clean_accuracy", "robust_accuracy", "eps"]
    return pd.DataFrame(rows, columns=columns)


def test_weight_decay_has_best_and_last_epoch_and_zero():
    rows = [trial_row(r, last=last, **{WD: wd}) for wd, r, last in
            [(0.0, 0.30, 0.20), (1e-5, 0.45, 0.40), (5e-4, 0.536, 0.447)]]  # fmt: skip
    figure = figures.draw("weight_decay", study_frames(rows))
    axes = figure.axes[0]
    x, y = find_line(axes, "best epoch")
    assert x == [0.0, 1e-5, 5e-4]
    assert y == pytest.approx([30, 45, 53.6])
    assert find_line(axes, "last epoch (hollow)")[1] == pytest.approx([20, 40, 44.7])
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "1e-5", "5e-4"]
    places = [axes.transData.transform((value, 50))[0] for value in x]
    assert places[0] < places[1] < places[2]
    assert axes.transAxes.inverted().transform((places[0], 0))[0] > 0.02  # not on the edge
    assert axes.get_ylabel() == "Robust accuracy (validation, %)"
    assert axes.get_xlabel() == "weight decay"
    assert "n = 3 trials" in collect_text(figure)


def test_seeds_become_mean_and_standard_deviation():
    rows = [trial_row(r, seed=s, **{WD: wd}) for wd, s, r in
            [(1e-4, 0, 0.40), (1e-4, 1, 0.42), (1e-4, 2, 0.44),
             (1e-3, 0, 0.5), (1e-3, 1, 0.6)]]  # fmt: skip
    axes = figures.draw("weight_decay", study_frames(rows)).axes[0]
    x, y = find_line(axes, "best epoch, 2 to 3 seeds")
    assert (x, y) == ([1e-4, 1e-3], pytest.approx([42, 55]))
    bars = axes.containers[-1].lines[2][0].get_segments()
    # std of 40, 42, 44 is 2; of 50, 60 it is 7.07 (n - 1 in the denominator)
    assert bars[0][:, 1] == pytest.approx([40, 44])
    assert bars[1][:, 1] == pytest.approx([55 - 50**0.5, 55 + 50**0.5])


def test_no_line_joins_trials_that_differ_in_other_knobs():
    rows = [
        trial_row(0.4, **{WD: 1e-4}, optimizer__lr=0.1),
        trial_row(0.5, **{WD: 1e-3}, optimizer__lr=1),
    ]
    drawn = figures.draw("weight_decay", study_frames(rows)).axes[0].containers[-1].lines[0]
    assert drawn.get_linestyle() == "None"
    rows = [{**row, "optimizer.lr": 0.1} for row in rows]
    drawn = figures.draw("weight_decay", study_frames(rows)).axes[0].containers[-1].lines[0]
    assert drawn.get_linestyle() == "-"


def test_stopped_and_failed_trials_count_in_no_mean():
    rows = [trial_row(0.4, **{WD: 1e-4}), trial_row(0.5, **{WD: 1e-3}),
            trial_row(0.1, status="stopped", **{WD: 1e-3}),
            trial_row(0.0, status="diverged", **{WD: 1e-2}),
            trial_row(0.2, status="collapsed", **{WD: 3e-3}),
            trial_row(float("nan"), status="failed", **{WD: 1e-2})]  # fmt: skip
    figure = figures.draw("weight_decay", study_frames(rows))
    axes = figure.axes[0]
    assert find_line(axes, "best epoch")[1] == pytest.approx([40, 50])
    assert find_line(axes, "stopped early") == ([1e-3], pytest.approx([10]))
    assert find_line(axes, "diverged or collapsed") == ([1e-2, 3e-3], pytest.approx([0, 20]))
    assert "n = 5 of 6 trials" in collect_text(figure)


def test_the_pareto_front_is_exact():
    points = [(0.9, 0.3), (0.8, 0.5), (0.8, 0.4), (0.7, 0.5), (0.6, 0.6), (0.5, 0.55), (0.9, 0.3)]
    frames = study_frames([trial_row(robust, clean, optimizer__lr=0.1) for clean, robust in points])
    axes = figures.draw("clean_robust", frames).axes[0]
    x, y = find_line(axes, "Pareto front (4)")
    assert (x, y) == (pytest.approx([60, 80, 90, 90]), pytest.approx([60, 50, 30, 30]))
    assert axes.get_xlabel() == "Clean accuracy (validation, %)"
    names = {note.get_text() for note in axes.texts}
    assert names == {"0000", "0001", "0004", "0006"}


def test_the_pareto_front_agrees_with_all_pairwise_comparisons():
    rng = np.random.default_rng(0)
    points = rng.integers(0, 20, (200, 2)) / 20  # a grid, so that there are ties
    table = pd.DataFrame(points, columns=["clean", "robust"])
    beaten = [any((q >= p).all() and (q > p).any() for q in points) for p in points]
    assert sorted(select_pareto_rows(table).index) == [
        i for i, lost in enumerate(beaten) if not lost
    ]


def test_outliers_do_not_compress_the_axis():
    points = [(0.90 + i / 200, 0.50 - i / 200) for i in range(8)]
    frames = study_frames([trial_row(r, c, optimizer__lr=0.1) for c, r in [*points, (0.1, 0.1)]])
    figure = figures.draw("clean_robust", frames)
    assert "1 far below" in collect_text(figure)
    assert figure.axes[0].get_ylim()[0] > 40


def test_the_selected_epoch_is_marked():
    frames = study_frames([trial_row(0.5, last=0.4)], curves={"0000": [0.3, 0.5, 0.4]})
    figure = figures.draw("learning_curves", frames)
    above, below = figure.axes
    assert find_line(above, "robust") == ([1, 2, 3], pytest.approx([30, 50, 40]))
    assert find_line(above, "clean")[1] == pytest.approx([90, 90, 90])
    assert find_line(above, "selected") == ([2], pytest.approx([50]))
    assert below.lines[0].get_ydata() == pytest.approx([2, 1, 2 / 3])
    assert below.get_ylabel() == "training loss\n(nats)"
    assert below.get_xlabel() == "epoch"
    assert "n = 1, epoch 2: 50.0 % robust, last: 40.0 %" in collect_text(figure)


def test_training_accuracy_takes_the_place_of_the_loss():
    frames = study_frames([trial_row(0.5)], curves={"0000": [0.3, 0.5]})
    frames.epochs["train_robust_accuracy"] = [0.4, 0.7]
    (axes,) = figures.draw("learning_curves", frames).axes
    assert find_line(axes, "robust, train")[1] == pytest.approx([40, 70])


def test_the_run_of_the_selected_epoch_is_shown():
    frames = study_frames([trial_row(0.5)], curves={"0000": [0.3, 0.5, 0.1, 0.2]})
    frames.epochs["level"] = [0, 0, 1, 1]
    frames.epochs["epoch"] = [1, 2, 1, 2]
    assert find_line(figures.draw("learning_curves", frames).axes[0], "robust")[1] == [30, 50]
    frames.trials["level"] = 1
    assert find_line(figures.draw("learning_curves", frames).axes[0], "robust")[1] == [10, 20]


def test_the_best_trial_of_each_study_or_the_named_trials_are_drawn():
    one = study_frames(
        [trial_row(0.4), trial_row(0.5)], curves={"0000": [0.1, 0.4], "0001": [0.2, 0.5]}
    )
    two = study_frames([trial_row(0.3)], curves={"0000": [0.3, 0.3]}, name="other")
    both = join_frames([one, two])
    said = collect_text(figures.draw("learning_curves", both))
    assert "made, trial 0001" in said
    assert "other, trial 0000" in said
    assert "made, trial 0000" in collect_text(figures.draw("learning_curves", one, trials=["0000"]))
    with pytest.raises(InputError, match="got 0009"):
        figures.draw("learning_curves", one, trials=["0009"])


def grid(methods, radii, seeds=1):
    rows, variants = [], {}
    for name, accuracies in methods.items():
        for eps, accuracy in zip(radii, accuracies, strict=True):
            label = f"{name}, {eps}/255"
            variants[label] = {"fixed": {"threat": {"name": "linf", "eps": eps / 255}}}
            rows += [
                trial_row(accuracy + 0.02 * s, last=accuracy / 2, seed=s, variant=label,
                      threat__eps=eps / 255)
                for s in range(seeds)
            ]  # fmt: skip
    return study_frames(rows, {"variants": variants})


def test_radii_have_a_line_a_method():
    frames = grid({"FGSM": [0.5, 0.4, 0.0], "PGD-10": [0.52, 0.44, 0.3]}, [4, 8, 16], seeds=2)
    figure = figures.draw("radii", frames)
    axes = figure.axes[0]
    x, y = find_line(axes, "FGSM, 2 seeds")
    assert (x, y) == (pytest.approx([4, 8, 16]), pytest.approx([51, 41, 1]))
    assert find_line(axes, "PGD-10, 2 seeds")[1] == pytest.approx([53, 45, 31])
    assert axes.get_xlabel() == "eps (grey levels of 255)"
    assert "n = 12 trials (6 settings), best epoch" in collect_text(figure)
    last = figures.draw("radii", frames, epoch="last").axes[0]
    assert find_line(last, "FGSM, 2 seeds")[1] == pytest.approx([25, 20, 0])


def test_collapses_are_a_table_of_methods_and_radii():
    """Of two seeds at 16/255 one collapsed at update 7, the other has no robust image left."""
    rows = [
        trial_row(robust, last=last, status=status, seed=seed, method=method, threat__eps=eps)
        for method, eps, seed, robust, last, status in (
            ("fgsm", 8 / 255, 0, 0.5, 0.4, "completed"),
            ("fgsm", 8 / 255, 1, 0.5, 0.3, "completed"),
            ("fgsm", 16 / 255, 0, 0.4, 0.02, "collapsed"),
            ("fgsm", 16 / 255, 1, 0.4, 0.0, "completed"),
            ("n_fgsm", 8 / 255, 0, 0.5, 0.45, "completed"),
            ("n_fgsm", 0.1, 0, 0.3, 0.25, "completed"),
            ("trades", 8 / 255, 0, 0.3, 0.25, "stopped"),
        )
    ]
    figure = figures.draw("collapse", study_frames(rows))
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["fgsm", "n_fgsm"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["8/255", "16/255", "0.1"]
    cells = {t.get_position(): t.get_text() for t in axes.texts}
    expected = {(0, 0): "35.0", (1, 0): "1.0\n1 of 2\nat 7", (0, 1): "45.0", (2, 1): "25.0"}
    assert cells == expected


def test_any_number_of_methods_has_a_row():
    rows = [trial_row(0.5, threat__eps=eps, method=f"m{i}") for i in range(9) for eps in (0.1, 0.2)]
    axes = figures.draw("collapse", study_frames(rows)).axes[0]
    assert len(axes.get_yticklabels()) == 9


def test_each_method_is_at_its_best_at_each_radius():
    rows = [trial_row(r, threat__eps=eps, method=m, optimizer__lr=lr) for m, eps, lr, r in
            [("trades", 0.1, 1, 0.6), ("trades", 0.1, 2, 0.7), ("trades", 0.3, 1, 0.5),
             ("trades", 0.3, 2, 0.2), ("mart", 0.1, 1, 0.1)]]  # fmt: skip
    axes = figures.draw("radii", study_frames(rows)).axes[0]
    assert find_line(axes, "trades") == ([0.1, 0.3], pytest.approx([70, 50]))
    assert find_line(axes, "mart") == ([0.1], pytest.approx([10]))
    assert axes.get_xlabel() == "eps (pixels in [0, 1])"


def test_a_knob_that_an_attack_lacks_is_not_in_its_name():
    steps = {"fgsm": None, "pgd": 5}
    rows = [trial_row(0.5, threat__eps=eps, attack=name, attack__steps=steps[name])
            for name in steps for eps in (0.1, 0.3)]  # fmt: skip
    axes = figures.draw("radii", study_frames(rows)).axes[0]
    assert find_line(axes, "fgsm")[0] == [0.1, 0.3]
    assert [line for line in axes.get_legend_handles_labels()[1] if "unknown" in line] == []


def test_l2_and_linf_share_no_line():
    rows = [trial_row(0.5, threat=norm, threat__eps=eps) for norm, eps in
            [("linf", 0.1), ("l2", 1.0)]]  # fmt: skip
    with pytest.raises(InputError, match="expected a method at 2 values"):
        figures.draw("radii", study_frames(rows))


def test_learning_rates_have_a_line_an_eps_schedule():
    parts = [
        study_frames([trial_row(r, optimizer__lr=lr) for lr, r in curve],
              {"fixed": {"eps_schedule": {"name": name}}, "study": {"epochs": 5}}, name=name)
        for name, curve in {"linear": [(0.01, 0.3), (0.1, 0.4)],
                            "cosine": [(0.01, 0.2), (0.1, 0.5)]}.items()
    ]  # fmt: skip
    figure = figures.draw("lr_sensitivity", join_frames(parts))
    assert find_line(figure.axes[0], "linear") == ([0.01, 0.1], pytest.approx([30, 40]))
    assert find_line(figure.axes[0], "cosine") == ([0.01, 0.1], pytest.approx([20, 50]))
    assert "n = 4 trials, 2 studies" in collect_text(figure)
    searched = study_frames([trial_row(0.2, optimizer__lr=lr, eps_schedule=name)
                      for lr in (0.1, 1.0) for name in ("linear", "cosine")])  # fmt: skip
    assert find_line(figures.draw("lr_sensitivity", searched).axes[0], "cosine")[1] == [20, 20]


def test_each_knob_has_a_panel():
    rows = [trial_row(0.1 * (i + 1), **{WD: 10.0**-i}, model__activation=a, data__batch_size=b)
            for i, (a, b) in enumerate([("relu", 64), ("gelu", 64),
                                        ("relu", 128), ("gelu", 128)])]  # fmt: skip
    figure = figures.draw("sensitivity", study_frames(rows))
    decay, activation, batch = figure.axes
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "optimizer.weight_decay", "model.activation", "data.batch_size",
    ]  # fmt: skip
    assert all(axes.get_title("left") == "n = 4" for axes in figure.axes)
    assert sorted(find_line(decay, "best 2")[1]) == pytest.approx([30, 40])
    assert sorted(find_line(batch, "completed")[0]) == [64, 64]
    assert [t.get_text() for t in activation.get_xticklabels()] == ["gelu", "relu"]
    (bars,) = [c for c in activation.collections if isinstance(c, LineCollection)]
    # medians of 20 and 40, of 10 and 30
    assert [bar[0][1] for bar in bars.get_segments()] == pytest.approx([30, 20])
    around = find_line(activation, "best 2")[0]
    assert np.abs(np.asarray(around) - np.round(around)).max() <= 0.3


def test_a_knob_of_some_trials_is_drawn_for_those():
    rows = [trial_row(0.4, optimizer="sgd", optimizer__nesterov=True, optimizer__lr=1.0),
            trial_row(0.5, optimizer="sgd", optimizer__nesterov=False, optimizer__lr=0.1),
            trial_row(0.3, optimizer="adam", optimizer__nesterov=None,
                      optimizer__lr=0.2)]  # fmt: skip
    figure = figures.draw("sensitivity", study_frames(rows))
    panels = {axes.get_xlabel(): axes for axes in figure.axes}
    assert panels["optimizer.nesterov"].get_title("left") == "n = 2"
    assert panels["optimizer.lr"].get_title("left") == "n = 3"
    offered = study_frames(rows, {"searched": {"optimizer.nesterov": "choice(null, True, False)"}})
    panels = {a.get_xlabel(): a for a in figures.draw("sensitivity", offered).axes}
    ticks = [t.get_text() for t in panels["optimizer.nesterov"].get_xticklabels()]
    assert ticks == ["False", "True", "none"]


def test_rungs_are_where_runs_end_and_trials_were_stopped():
    reports = [("0000", 0, 1, 0.1), ("0000", 0, 2, 0.2), ("0000", 1, 1, 0.3), ("0000", 1, 2, 0.4),
               ("0000", 1, 3, 0.5), ("0001", 0, 1, 0.1), ("0001", 0, 2, 0.15)]  # fmt: skip
    epochs = pd.DataFrame(reports, columns=["trial_id", "level", "epoch", "val_robust_accuracy"])
    rows = [trial_row(0.5), trial_row(0.15, status="stopped")]
    figure = figures.draw("rungs", study_frames(rows, LEVELS, epochs=epochs))
    axes = figure.axes[0]
    handles, labels = axes.get_legend_handles_labels()
    runs = handles[labels.index("winner")].get_segments()
    # the long run begins after the two epochs of the short one
    assert [run.tolist() for run in runs] == [
        [[1, pytest.approx(10)], [2, pytest.approx(20)]],
        [[3, pytest.approx(30)], [4, pytest.approx(40)], [5, pytest.approx(50)]],
    ]
    (stopped,) = handles[labels.index("stopped (1)")].get_segments()
    assert stopped[-1] == pytest.approx([2, 15])
    assert find_line(axes, "rung")[0] == [2, 2]
    assert "n = 2 trials, 1 to the end, rungs at 2" in collect_text(figure)
    assert axes.get_xlabel() == "epochs trained"


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        ({"name": "asha"}, "rungs at 3"),
        ({"name": "halving", "rungs": [0.2, "drop"]}, "rungs at 2, 3"),
        ({"name": "median"}, None),
    ],
)
def test_rungs_of_one_long_run(scheduler, expected):
    said = {"levels": [{"epochs": 10}], "scheduler": scheduler}
    whole = np.linspace(0.1, 0.5, 10)  # the end is no rung, even of a trial that was stopped there
    curves = {"0000": whole, "0001": [0.1, 0.2, 0.3], "0002": whole}
    frames = study_frames([trial_row(0.5), *[trial_row(0.3, status="stopped")] * 2], said, curves)
    if expected is None:
        with pytest.raises(InputError, match="expected a study with rungs"):
            figures.draw("rungs", frames)
    else:
        written = collect_text(figures.draw("rungs", frames)).split(" | ")
        assert any(each.endswith(expected) for each in written)


def test_parallel_coordinates_stand_in_order():
    rows = [trial_row(r, **{WD: wd}, model__activation=a) for r, wd, a in
            [(0.1, 1e-5, "relu"), (0.3, 1e-1, "gelu"), (0.5, 1e-3, None)]]  # fmt: skip
    axes = figures.draw("parallel_coordinates", study_frames(rows)).axes[0]
    handles, labels = axes.get_legend_handles_labels()
    first, second = handles[labels.index("others (2)")].get_segments()
    assert first.tolist() == [[0, 0], [1, 1], [2, 0]]  # 1e-5 and 10 % at the bottom, relu on top
    assert second[:, 1] == pytest.approx([1, 0, 0.5])
    winner = handles[labels.index("winner")].get_segments()[0]
    assert winner[0] == pytest.approx([0, 0.5])  # 1e-3 is the middle of 1e-5 and 1e-1
    assert winner[-1] == pytest.approx([2, 1])
    marks = [t.get_text() for t in axes.get_xticklabels()]
    assert marks == [
        "optimizer.weight_decay", "model.activation", "Robust accuracy (validation, %)",
    ]  # fmt: skip


def test_overfitting_is_best_minus_last_of_each_setting():
    rows = [trial_row(0.50, last=0.40, **{WD: 1e-4}),
            trial_row(0.54, last=0.48, seed=1, **{WD: 1e-4}),
            trial_row(0.60, last=0.45, **{WD: 1e-3})]  # fmt: skip
    axes = figures.draw("overfitting", study_frames(rows)).axes[0]
    assert find_line(axes, "best epoch") == (pytest.approx([60, 52]), [1, 2])
    assert find_line(axes, "last epoch") == (pytest.approx([45, 44]), [1, 2])
    names = [t.get_text() for t in axes.get_yticklabels()]
    assert names == ["weight_decay 1e-3", "weight_decay 1e-4"]
    assert [note.get_text() for note in axes.texts] == ["15.0", "8.0"]


def test_of_many_settings_ten_are_named_and_all_ranked():
    rows = [trial_row(0.01 * i, **{WD: 10.0**-i}) for i in range(1, 31)]
    named, all_of_them = figures.draw("overfitting", study_frames(rows)).axes
    assert len(named.get_yticklabels()) == 10
    assert find_line(all_of_them, "best epoch")[0] == pytest.approx(range(30, 0, -1))
    assert all_of_them.get_ylabel() == "rank of 30 settings"


def test_an_evaluation_is_the_worst_case_of_the_most_images():
    best, last = "best_validation_robust", "last_epoch"
    tested = attacks(
        ("0000", best, "fgsm", 200, 0.9, 0.6, 0.3), ("0000", best, "pgd", 200, 0.9, 0.5, 0.3),
        ("0000", best, "pgd", 10, 0.9, 0.1, 0.3), ("0000", best, "pgd", 200, 0.9, 0.2, 0.5),
        ("0000", last, "pgd", 200, 0.9, 0.35, 0.3), ("0001", best, "pgd", 200, 0.8, 0.4, 0.3),
    )  # fmt: skip
    said = {"fixed": {"threat": {"name": "linf", "eps": 0.3}}}
    rows = [
        trial_row(0.7, **{WD: 1e-4}),
        trial_row(0.6, **{WD: 1e-3}),
        trial_row(0.65, **{WD: 1e-2}),
    ]
    frames = study_frames(rows, said, evaluation=tested)
    figure = figures.draw("weight_decay", frames, accuracies="evaluation")
    axes = figure.axes[0]
    assert find_line(axes, "best epoch") == ([1e-4, 1e-3], pytest.approx([50, 40]))
    assert find_line(axes, "last epoch (hollow)") == ([1e-4], pytest.approx([35]))
    assert axes.get_ylabel() == "Robust accuracy (test, %)"
    assert "n = 2 of 3 trials" in collect_text(figure)
    scatter = figures.draw("clean_robust", frames, accuracies="evaluation").axes[0]
    assert find_line(scatter, "Pareto front (1)") == (pytest.approx([90]), pytest.approx([50]))


def test_panels_of_two_columns_have_ticks_between_their_ends():
    """Powers of ten stand at a distance of a third, and numbers of one digit closer than that."""
    ranges = {"optimizer.lr": np.geomspace(1.1e-4, 0.092, 30), "x": np.linspace(1.3, 9.8, 30)}
    values = zip(*ranges.values(), strict=True)
    rows = [trial_row(0.3, optimizer__lr=lr, x=x) for lr, x in values]
    panels = {a.get_xlabel(): a for a in figures.draw("sensitivity", study_frames(rows)).axes}
    ticks = {
        name: [tick.get_text() for tick in axes.get_xticklabels()] for name, axes in panels.items()
    }
    assert ticks == {
        "optimizer.lr": ["1e-4", "1e-3", "0.01", "0.1"],
        "x": ["2.5", "5", "7.5", "10"],
    }
