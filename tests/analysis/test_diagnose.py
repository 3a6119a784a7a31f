"""`python -m analysis.diagnose`, end to end, on networks that train in a second."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from analysis.diagnose import list_conclusions, main
from analysis.diagnostics import _table, fosc, gradient_alignment
from tests.oracles import tiny_config
from trainables.data import mnist5k
from trainables.training import checkpoint
from trainables.training.trial import Trial
from tuner.evaluation import fingerprint

CHEAP = ["images=20", "measure=fosc,gradient_alignment"]


def trained(folder, seed, **changes):
    """Leave what a search of one trial does."""
    trial = Trial(tiny_config(seed=seed, epochs=1, **changes))
    list(trial.run_epochs())
    kept = folder / "trials" / "0000" / "checkpoint"
    kept.mkdir(parents=True)
    checkpoint.save(trial, kept)
    (folder / "best").mkdir()
    shutil.copy(kept / checkpoint.WEIGHTS_FILE, folder / "best")
    metrics = asdict(trial.best_report) | {"trial_id": "0000", "knobs": {}}
    (folder / "best" / checkpoint.METRICS_FILE).write_text(json.dumps(metrics))
    (folder / "best/config.yaml").write_text(yaml.safe_dump(trial.config))
    row = {
        "trial_id": "0000",
        "status": "completed",
        "best_epoch": 1,
        "val_clean_accuracy": trial.best_report.val_clean_accuracy,
        "val_robust_accuracy": trial.best_report.val_robust_accuracy,
        "checkpoint": "trials/0000/checkpoint",
        "seed": seed,
    }
    pd.DataFrame([row]).to_parquet(folder / "trials.parquet")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    trained(folder / "one", 0)
    trained(folder / "two", 1, model={"name": "small_cnn", "activation": "softplus"})
    return folder


@pytest.fixture
def results(made, tmp_path):
    shutil.copytree(made, tmp_path / "results")
    return tmp_path / "results"


def rows_of(study):
    return pd.read_parquet(study / _table.TABLE_FILE)


def run_invalid(capsys, *words):
    assert main([str(word) for word in words]) == 2
    return capsys.readouterr().err


def test_a_row_a_quantity_and_seed(results, capsys):
    assert main([str(results / "one"), *CHEAP, "seeds=2", "seed=5"]) == 0
    rows = rows_of(results / "one")
    assert list(rows.columns) == list(_table.COLUMNS)
    expected = [
        *(("fosc", quantity, seed) for seed in (5, 6) for quantity in ("fosc", "fosc_in_range")),
        *(("gradient_alignment", "alignment", seed) for seed in (5, 6)),
    ]
    found = rows[["measure", "quantity", "seed"]].itertuples(index=False, name=None)
    assert list(found) == expected
    assert (rows["n"] == 20).all()
    assert (rows["study"] == "one").all()
    assert (rows["trial_id"] == "0000").all()
    model = checkpoint.load_model(results / "one/best")
    assert set(rows["weights"]) == {fingerprint.hash_network(model, "small_cnn")}
    said = json.loads(rows["settings"][0])
    assert (said["steps"], said["split"], said["threat"]["eps"]) == (10, "validation", 0.1)
    out = capsys.readouterr().out
    mean = rows.loc[rows["quantity"] == "alignment", "value"].mean()
    assert f"{mean:.4g}" in out
    assert "one, trial 0000, best_validation_robust: linf eps 0.1, 20 validation images" in out


def test_the_default_number_of_images_is_at_most_all(results, capsys):
    assert main([str(results / "one"), "measure=fosc", "seeds=2"]) == 0
    assert (rows_of(results / "one")["n"] == 60).all()
    assert "images: the validation split has 60; all of them are used." in capsys.readouterr().out


def test_measurements_are_counted(results, capsys):
    """Two checkpoints with two seeds of one measure; those that exist are not made again."""
    words = [str(results / "one"), str(results / "two"), "images=8", "measure=fosc", "seeds=2"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = [line.partition(":")[0] for line in lines if ": fosc, seed" in line]
    assert shown == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    assert main([*words[:-1], "seeds=3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = [line.partition(":")[0] for line in lines if ": fosc, seed" in line]
    assert shown == ["3 of 6", "6 of 6"]


def test_the_numbers_are_those_of_the_measure_on_validation_images(results):
    """All 60 images, so that none is drawn; in parts of 25, which share one source of chance."""
    words = ["images=60", "batch=25", "measure=gradient_alignment", "seeds=1"]
    assert main([str(results / "one"), *words]) == 0
    row = rows_of(results / "one").iloc[0]
    trial = Trial(tiny_config())
    model, x = checkpoint.load_model(results / "one/best"), trial.validation_images.x.float() / 255
    rng = trial.rng.manual_seed(0)
    parts = zip(x.split(25), trial.validation_images.y.split(25), strict=True)
    each = [
        gradient_alignment.measure(model, some, labels, threat=trial.threat, rng=rng)["alignment"]
        for some, labels in parts
    ]
    values = np.concatenate(each).astype("float64")
    assert row["value"] == pytest.approx(values.mean(), abs=1e-7)  # float32, summed otherwise
    assert row["std"] == pytest.approx(values.std(ddof=1), abs=1e-7)


def test_the_test_split_is_used_only_on_request(results, monkeypatch):
    seen = []

    def look(model, x, y, *, threat):
        seen.append(x)
        return {"fosc": x.flatten(1).sum(dim=1)}

    monkeypatch.setattr(fosc, "measure", look)
    for split in ([], ["split=test"]):
        assert main([str(results / "one"), "images=20", "measure=fosc", *split]) == 0
    splits = mnist5k.load().train.x, mnist5k.load().test.x
    among = [{bytes(image.numpy()) for image in split} for split in splits]
    for images, mine, other in zip(seen, among, reversed(among), strict=True):
        pixels = [bytes((255 * image).round().byte().numpy()) for image in images]
        assert all(each in mine for each in pixels)
        assert not all(each in other for each in pixels)
    assert [json.loads(each)["split"] for each in rows_of(results / "one")["settings"]] == [
        "validation",
        "test",
    ]


@pytest.mark.slow
def test_nothing_is_measured_twice_and_other_settings_add_rows(results, monkeypatch):
    one = results / "one"
    assert main([str(one), *CHEAP]) == 0
    first = rows_of(one)
    assert len(first) == 9

    def never(*_):
        raise AssertionError

    monkeypatch.setattr("analysis.diagnostics._run.DiagnosisRunner.run_measure", never)
    assert main([str(one), *CHEAP]) == 0
    pd.testing.assert_frame_equal(rows_of(one), first)
    monkeypatch.undo()
    assert main([str(one), *CHEAP, "fosc.steps=3", "seeds=1"]) == 0
    rows = rows_of(one)
    assert len(rows) == 11
    assert {json.loads(each).get("steps") for each in rows["settings"]} == {None, 3, 10}


@pytest.mark.slow
def test_the_same_command_gives_the_same_numbers_to_the_last_bit(results):
    shutil.copytree(results / "one", results / "again/one")
    words = ["images=8", "seeds=1", "surface.points=3"]
    ends = []
    for folder in (results / "one", results / "again/one"):
        assert main([str(folder), *words]) == 0
        ends.append(rows_of(folder).drop(columns=["seconds", "checkpoint"]))
    pd.testing.assert_frame_equal(*ends, check_exact=True)
    assert set(ends[0]["measure"]) == {
        "fgsm_pgd_gap",
        "fosc",
        "gradient_alignment",
        "gradient_scattering",
        "hessian",
        "local_linearity",
        "surface",
    }


@pytest.mark.slow
def test_a_surface_is_kept_as_numbers_and_pictures(results, capsys):
    one = results / "one"
    words = [str(one), "measure=surface", "images=8", "surface.points=5"]
    assert main(words) == 0
    assert "diagnostics/" in capsys.readouterr().out
    files = {path.suffix: path for path in (one / "diagnostics").glob("surface-*")}
    assert set(files) == {".npz", ".png", ".pdf"}
    planes = np.load(files[".npz"])
    assert set(planes) == {"eigenvector_plane", "random_plane"}
    rows = rows_of(one).set_index("quantity")["value"]
    assert set(rows.index) == {"loss", "eigenvector_rise", "random_rise"}
    for name in ("eigenvector", "random"):
        _, _, loss = planes[f"{name}_plane"]
        assert loss.shape == (5, 5)
        assert loss[2, 2] == pytest.approx(rows["loss"], abs=1e-12)
        assert loss.max() - loss[2, 2] == pytest.approx(rows[f"{name}_rise"], abs=1e-12)
    files[".npz"].unlink()
    assert main(words) == 0
    assert files[".npz"].exists()
    assert len(rows_of(one)) == 3


def test_a_file_of_weights_is_diagnosed(results, tmp_path, capsys):
    """The same network has the same numbers, as it is and as other software writes it."""
    threat = ["threat=linf", "threat.eps=0.1"]
    data = ["data=mnist5k", "data.validation=60", "data.limit=120"]
    assert main([str(results / "one"), *CHEAP, "seeds=1"]) == 0
    model = checkpoint.load_model(results / "one/best")
    torch.save({"net": model[1].state_dict()}, tmp_path / "net.pt")
    for file, network in (
        (results / "one/best" / checkpoint.WEIGHTS_FILE, []),
        (tmp_path / "net.pt", ["model=small_cnn"]),
    ):
        words = [f"weights={file}", f"results={tmp_path / file.stem}", "seeds=1", *CHEAP]
        assert main([*words, *network, *threat, *data]) == 0
        found, expected = rows_of(tmp_path / file.stem), rows_of(results / "one")
        assert found["value"].tolist() == expected["value"].tolist()
    assert "8 tensors of net.pt are matched by name." in capsys.readouterr().out


def test_a_file_of_weights_needs_its_network(results, tmp_path, capsys):
    torch.save({}, tmp_path / "net.pt")
    file = f"weights={tmp_path / 'net.pt'}"
    assert "model: needs a name" in run_invalid(capsys, file, "data=mnist5k", "threat=linf")
    assert "threat: needs a name" in run_invalid(capsys, file, "model=small_cnn", "data=mnist5k")
    assert "not both" in run_invalid(capsys, results / "one", file)
    assert "model: goes with weights=" in run_invalid(capsys, results / "one", "model=small_cnn")
    own = f"weights={results / 'one/best' / checkpoint.WEIGHTS_FILE}"
    assert "leave out model=" in run_invalid(capsys, own, "model=small_cnn")


def test_the_transfer_matrix_of_two_folders(results, capsys):
    folders = [str(results / name) for name in ("one", "two")]
    words = ["measure=transfer", "images=60", "seeds=1", "threat.eps=0.2"]
    assert main([*folders, *words]) == 0
    for folder, name in zip(folders, ("one", "two"), strict=True):
        rows = pd.read_parquet(f"{folder}/{_table.TABLE_FILE}")
        assert list(rows["quantity"]) == ["accuracy of one/0000", "accuracy of two/0000"]
        assert (rows["study"] == name).all()
        accuracies = rows.set_index("quantity")["value"]
        other = "two" if name == "one" else "one"
        assert accuracies[f"accuracy of {name}/0000"] < accuracies[f"accuracy of {other}/0000"]
    assert "crafted on" in capsys.readouterr().out


def test_both_checkpoints_of_a_trial_are_measured(results):
    words = ["rules=best_validation_robust,last_epoch", "measure=fosc", "seeds=1", "images=8"]
    assert main([str(results / "one"), *words]) == 0
    rows = rows_of(results / "one")
    assert set(rows["rule"]) == {"best_validation_robust", "last_epoch"}
    assert rows["weights"].nunique() == 1  # one epoch: the best is the last
    assert len(rows) == 4


def test_all_errors_are_reported_together(results, capsys):
    (results / "three").mkdir()
    words = ["measure=hesian,transfer,fosc", "images=0", "fosc.steps=0", "surface.points=5"]
    said = run_invalid(capsys, results / "one", results / "three", *words, "speed=1", "split=train")
    assert said.startswith("8 problems:")
    for each in (
        "speed: no such key.",
        "images: must be greater than or equal to 1, got 0.",
        "split: must be 'validation' or 'test', got 'train'.",
        "three: holds no best/config.yaml",
        "measure: no 'hesian' in measures. Did you mean 'hessian'?",
        "transfer needs at least two checkpoints, got one",
        "fosc.steps: must be greater than or equal to 1, got 0.",
        "surface: is not measured; write measure=surface.",
    ):
        assert each in said
    assert not (results / "one/diagnostics").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["images=61"], "images: must be at most the 60 validation images, got 61."),
        (["threat.eps=2"], "threat.eps: must be less than or equal to 1, got 2."),
        (["surface.points=4", "measure=surface"], "surface.points: must be odd"),
        (["top=2"], "top: must be at most the 1 trials with a checkpoint, got 2."),
        (["data.validation=4999"], "data: 4999 images for validation"),
        (["hessian.eigenvalues=uniform(1,2)"], "hessian.eigenvalues: must be a valid integer"),
    ],
)
def test_invalid_argument_is_reported(results, capsys, words, said):
    assert said in run_invalid(capsys, results / "one", *words)


def test_folders_must_have_the_same_data_and_threat(results, capsys):
    file = results / "two/best/config.yaml"
    config = yaml.safe_load(file.read_text())
    config["threat"]["eps"], config["data"]["split_seed"] = 0.2, 1
    config["data"]["crop"] = 0  # of training alone
    file.write_text(yaml.safe_dump(config))
    folders = [results / "one", results / "two"]
    said = run_invalid(capsys, *folders, *CHEAP)
    assert said.startswith("2 problems:")
    assert "threat.eps: is 0.1 in one and 0.2 in two; write threat.eps=VALUE for both." in said
    assert "data.split_seed: is None in one and 1 in two" in said
    typed = ["threat.eps=0.1", "data.split_seed=0"]
    assert main([*map(str, folders), *CHEAP, *typed]) == 0


def test_a_threat_without_eps(results, capsys):
    file = results / "one/best/config.yaml"
    config = yaml.safe_load(file.read_text())
    del config["threat"]["eps"]
    file.write_text(yaml.safe_dump(config))
    assert "threat.eps: needs a value" in run_invalid(capsys, results / "one")
    assert main([str(results / "one"), *CHEAP, "threat.eps=0.1"]) == 0


def test_files_that_cannot_be_read(results, capsys):
    (results / "one" / _table.TABLE_FILE).write_bytes(b"PAR1 half")
    (results / "two/best" / checkpoint.WEIGHTS_FILE).write_bytes(b"nothing")
    said = run_invalid(capsys, results / "one", results / "two", *CHEAP)
    assert said.startswith("2 problems:")
    assert f"{_table.TABLE_FILE} cannot be read" in said
    assert "expected a whole safetensors file" in said


def test_no_folder(capsys):
    assert "FOLDER: expected the results folders of searches, got none." in run_invalid(
        capsys, "seed=1"
    )


def test_finished_measurements_survive_an_interruption(results, monkeypatch, capsys):
    one = results / "one"

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("analysis.diagnostics.gradient_alignment.cosine_similarity", interrupted)
        assert main([str(one), *CHEAP]) == 130
    assert "finished measurements are kept" in capsys.readouterr().out
    before = rows_of(one)
    assert set(before["measure"]) == {"fosc"}
    assert len(before) == 6
    assert main([str(one), *CHEAP]) == 0
    pd.testing.assert_frame_equal(rows_of(one).head(6), before)
    assert len(rows_of(one)) == 9


def test_a_collapse_is_reported():
    """A quarter of 0.9 is 0.225."""
    for pgd, told in ((0.1, True), (0.3, False)):
        frame = pd.DataFrame({
            "quantity": ["fgsm_accuracy", "pgd_accuracy"],
            "value": [0.9, pgd],
        })
        assert bool(list(list_conclusions(frame))) == told


@pytest.mark.slow
def test_help_lists_measures_and_their_knobs():
    words = [sys.executable, "-m", "analysis.diagnose", "--help", "all"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert not done.stderr
    for each in ("gradient_alignment", "hessian.eigenvalues", "surface.craft", "split", "transfer"):
        assert each in done.stdout
