"""End-to-end tests of `tuner.evaluate` on a network that trains in a second."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.oracles import tiny_config
from trainables.data import mnist5k
from trainables.training import checkpoint
from trainables.training.trial import Trial
from tuner.evaluate import main
from tuner.evaluation import table
from tuner.evaluation.checkpoints import select_winner_seeds
from tuner.evaluation.images import draw_subset
from tuner.evaluation.ranking import RankingRunner
from tuner.storage import keyed_table

N = 60
COMMON = [f"images={N}", "suite=fgsm,pgd_3"]


def trial_row(name, trial, seed, decay):
    return {
        "trial_id": name,
        "status": "completed",
        "optimizer.weight_decay": decay,
        "best_epoch": trial.best_report.epoch,
        "val_clean_accuracy": trial.best_report.val_clean_accuracy,
        "val_robust_accuracy": trial.best_report.val_robust_accuracy,
        "checkpoint": f"trials/{name}/checkpoint",
        "seed": seed,
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the results folder of a search with two trials."""
    folder = tmp_path_factory.mktemp("study")
    rows = []
    for name, seed in (("0000", 0), ("0001", 1)):
        trial = Trial(tiny_config(seed=seed, epochs=2))
        list(trial.run_epochs())
        kept = folder / "trials" / name / "checkpoint"
        kept.mkdir(parents=True)
        checkpoint.save(trial, kept)
        rows.append(trial_row(name, trial, seed, 1e-4))
    trials = pd.DataFrame(rows).sort_values("val_robust_accuracy", ascending=False, kind="stable")
    trials.to_parquet(folder / "trials.parquet")
    winner = trials.iloc[0]
    (folder / "best").mkdir()
    for name in (checkpoint.WEIGHTS_FILE, checkpoint.METRICS_FILE):
        shutil.copy(folder / winner["checkpoint"] / name, folder / "best" / name)
    metrics = json.loads((folder / "best" / checkpoint.METRICS_FILE).read_text())
    metrics |= {"trial_id": str(winner["trial_id"]), "knobs": {"optimizer.weight_decay": 1e-4}}
    (folder / "best" / checkpoint.METRICS_FILE).write_text(json.dumps(metrics))
    (folder / "best/config.yaml").write_text(yaml.safe_dump(tiny_config(epochs=2)))
    return folder


@pytest.fixture
def study(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "study")
    return tmp_path / "study"


def rows_of(study):
    return pd.read_parquet(study / table.FILE)


def error_of(capsys, *words):
    assert main(list(words)) == 2
    return capsys.readouterr().err


def test_each_attack_is_a_row_and_the_worst_case_only_falls(study):
    assert main([str(study), *COMMON]) == 0
    rows = rows_of(study)
    assert list(rows["attack"]) == ["fgsm", "pgd_3"]
    assert (rows["n"] == N).all()
    assert rows["attacked"].tolist() == [
        round(rows["clean_accuracy"][0] * N),
        rows["attacked"][0] - rows["fooled"][0],
    ]
    assert rows["robust_accuracy"].is_monotonic_decreasing
    fooled = rows["fooled"].cumsum() / N
    expected = (rows["clean_accuracy"] - fooled).tolist()
    assert rows["robust_accuracy"].tolist() == pytest.approx(expected)
    assert rows["alone"].tolist() == [True, rows["fooled"][0] == 0]
    assert rows["after"].tolist() == ["", "fgsm"]
    assert (
        (rows["low"] <= rows["robust_accuracy"]) & (rows["robust_accuracy"] <= rows["high"])
    ).all()


def test_rows_have_balanced_accuracies_and_older_tables_lack_them(study):
    assert main([str(study), *COMMON]) == 0
    rows = rows_of(study)
    labels = draw_subset(mnist5k.load().test, N).y
    masks = load_file(study / table.STATE_FOLDER / f"{rows['key'][0]}.safetensors")
    for column, mask in (
        ("balanced_clean_accuracy", masks["attacked"]),
        ("balanced_robust_accuracy", masks["standing"]),
    ):
        shares = [mask[labels == each].double().mean() for each in labels.unique()]
        assert rows[column][0] == pytest.approx(float(torch.stack(shares).mean()))
    assert not rows[list(table.NEWER_COLUMNS)].isna().any(axis=None)
    rows.drop(columns=list(table.NEWER_COLUMNS)).to_parquet(study / table.FILE)
    assert main([str(study), *COMMON, "each=true"]) == 0
    rows = rows_of(study)
    assert dict(rows.dtypes.astype(str)) == table.COLUMNS
    assert rows["balanced_robust_accuracy"].isna().tolist() == [True, True, False]


def test_random_targets_report_how_many_were_reached(study, capsys):
    words = [str(study), f"images={N}", "suite=random_targeted_5,pgd_2", "threat.eps=0.2"]
    assert main(words) == 0
    rows = rows_of(study).set_index("attack")
    assert pd.isna(rows["target_success"]["pgd_2"])
    targeted = rows.loc["random_targeted_5"]
    share = targeted["target_success"]
    assert 0 < share <= targeted["fooled"] / targeted["attacked"]
    assert f"{100 * share:.1f} % are classified as the target class" in capsys.readouterr().out


def test_the_worst_case_is_no_higher_than_that_of_any_attack_alone(study):
    main([str(study), *COMMON])
    main([str(study), *COMMON, "each=true"])
    rows = rows_of(study)
    together = rows[rows["after"] == "fgsm"]["robust_accuracy"].item()
    assert together <= rows[rows["alone"]]["robust_accuracy"].min()


def test_a_number_is_written_once_and_other_settings_are_another_row(study):
    main([str(study), *COMMON])
    first = rows_of(study)
    main([str(study), *COMMON])
    pd.testing.assert_frame_equal(rows_of(study), first)
    main([str(study), *COMMON, "threat.eps=0.05"])
    rows = rows_of(study)
    pd.testing.assert_frame_equal(rows.head(2), first)
    assert rows["eps"].tolist() == [0.1, 0.1, 0.05, 0.05]


def test_an_interrupted_evaluation_resumes(study, monkeypatch):
    from trainables.evaluation import attempt  # noqa: PLC0415  # patched below

    attack_chunk, calls = attempt.attack_chunk, []

    def interrupt_second_call(*args, **settings):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return attack_chunk(*args, **settings)

    words = [str(study), *COMMON, "batch=5"]
    monkeypatch.setattr(attempt, "attack_chunk", interrupt_second_call)
    assert main(words) == 130
    assert main(words) == 0
    resumed, n_calls = rows_of(study), len(calls)
    shutil.rmtree(study / "evaluation")
    (study / table.FILE).unlink()
    calls[:] = [1] * 2
    assert main(words) == 0
    columns = ["attack", "attacked", "fooled", "robust_accuracy", "key"]
    pd.testing.assert_frame_equal(rows_of(study)[columns], resumed[columns])
    assert n_calls - 1 == len(calls) - 2  # no chunk is attacked twice


def test_rules_top_and_the_oracle(study, capsys):
    words = ["top=2", "rules=best_validation_robust,last_epoch,oracle", "suite=fgsm", "images=20"]
    assert main([str(study), *words]) == 0
    rows = rows_of(study)
    assert rows.groupby(["trial_id", "rule"]).ngroups == 4
    assert (
        f"{100 * rows['robust_accuracy'].max():.1f} %" in capsys.readouterr().out.splitlines()[-2]
    )


def test_the_last_epoch_is_what_the_trial_ended_with(study):
    trial = Trial(tiny_config(seed=0, epochs=2))
    list(trial.run_epochs())
    model = checkpoint.load_model(study / "trials/0000/checkpoint", last=True)
    for name, tensor in trial.model.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor, rtol=0, atol=0)


def test_seeds_have_a_mean_and_a_deviation(study, capsys):
    assert main([str(study), "seeds=true", "suite=fgsm", "images=20"]) == 0
    rows = rows_of(study)
    assert set(rows["trial_id"]) == {"0000", "0001"}
    mean, std = 100 * rows["robust_accuracy"].mean(), 100 * rows["robust_accuracy"].std()
    assert f"Over 2 seeds: robust {mean:.1f} ± {std:.1f} %." in capsys.readouterr().out


def test_seeds_are_trials_with_the_same_knobs():
    trials = pd.DataFrame({
        "trial_id": ["a", "b", "c"],
        "status": "completed",
        "lr": [0.1, 0.2, 0.1],
        "best_epoch": 1,
        "seed": [0, 0, 1],
    })
    assert select_winner_seeds(trials)["trial_id"].tolist() == ["a", "c"]


def test_bf16_is_confirmed_in_fp32(study):
    assert main([str(study), *COMMON, "precision=bf16"]) == 0
    assert (rows_of(study)["rejected"] == 0).all()


def test_external_weights(study, tmp_path, monkeypatch):
    """A state dictionary saved by torch.save, without the normalisation layer."""
    monkeypatch.chdir(tmp_path)
    weights = load_file(study / "best" / checkpoint.WEIGHTS_FILE)
    bare = {k.removeprefix("1."): t for k, t in weights.items() if k.startswith("1.")}
    torch.save({"state_dict": {f"module.{k}": t for k, t in bare.items()}}, tmp_path / "net.pt")
    words = ["model=small_cnn", "data=mnist5k", "threat=linf", "threat.eps=0.1", *COMMON]
    assert main(["weights=net.pt", *words]) == 0
    main([str(study), *COMMON])
    external = pd.read_parquet(tmp_path / "results/net" / table.FILE)
    assert external["robust_accuracy"].tolist() == rows_of(study)["robust_accuracy"].tolist()


def test_weights_of_another_network_name_the_first_tensor_that_differs(study, capsys, tmp_path):
    weights = load_file(study / "best" / checkpoint.WEIGHTS_FILE)
    weights["1.5.weight"] = weights["1.5.weight"][:, :-1].contiguous()
    save_file(weights, tmp_path / "net.safetensors")
    words = ["data=mnist5k", "threat=linf", "threat.eps=0.1", "model=small_cnn"]
    error = error_of(capsys, f"weights={tmp_path / 'net.safetensors'}", *words)
    assert "5.weight must be (100, 1568), got (100, 1567)" in error
    error = error_of(capsys, f"weights={tmp_path / 'net.safetensors'}", *words[:-1], "model=lenet")
    assert "another network" in error


def test_code_in_a_weights_file_is_never_run(tmp_path, capsys):
    class Planted:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"state_dict": Planted()}, tmp_path / "net.pt")
    words = ["model=small_cnn", "data=mnist5k", "threat=linf", "threat.eps=0.1"]
    error = error_of(capsys, f"weights={tmp_path / 'net.pt'}", *words)
    assert "cannot be read as tensors" in error
    assert "weights_only" not in error
    assert not (tmp_path / "ran").exists()


def test_probabilities_are_refused(study, capsys, monkeypatch):
    load = checkpoint.load_model
    monkeypatch.setattr(
        "tuner.evaluation.checkpoints.load_model",
        lambda *args, **kwargs: torch.nn.Sequential(load(*args, **kwargs), torch.nn.Softmax(dim=1)),
    )
    assert "logits" in error_of(capsys, str(study), *COMMON)
    assert not (study / table.FILE).exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["suite=pdg"], "no attack 'pdg'"),
        (["suite=pgd_10_2_3"], "takes steps and restarts"),
        (["threat.eps=0"], "threat.eps"),
        (["images=99999"], "at most the 1000 test images"),
        (["top=3"], "at most the 2 trials"),
        (["top=0"], "top"),
        (["rules=best"], "rules"),
        (["sute=quick"], "Did you mean 'suite'?"),
        (["suite=pgd_2", "pgd.stepsize=1"], "Did you mean 'step_size'?"),
        (["suite=pgd_2", "square.queries=5"], "write suite=square"),
        (["pgd.steps=choice(1,2)"], "one value"),
        (["suite=transfer"], "transfer.source: needs a value"),
        (["weights=nothing.pt"], "not both"),
        (["device=cuda"], "device=cpu"),
        (["suite=pgd_3", "pgd.steps=7"], "pgd.steps: is 3 in suite=pgd_3, got 7 too"),
        (["suite=,"], "several with commas"),
        (["suite=fgsm,"], "names separated by commas"),
        (["suite=transfer", "transfer.source=/nowhere"], "no weights at /nowhere"),
        (["results=/tmp/x"], "goes with weights="),
        (["model=lenet"], "leave out model="),
    ],
)
def test_invalid_input_is_reported_and_nothing_is_written(
    study, capsys, words, expected, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = sorted(study.rglob("*"))
    assert expected in error_of(capsys, str(study), *words)
    assert sorted(study.rglob("*")) == before


def test_all_problems_are_reported_together(study, capsys):
    error = error_of(
        capsys, str(study), "suite=pdg", "top=0", "precision=fp8", "batsh=3", "threat.eps=0"
    )
    assert "5 problems" in error


def test_folders_that_hold_nothing_to_evaluate(study, tmp_path, capsys):
    assert "no such folder" in error_of(capsys, str(tmp_path / "nowhere"))
    shutil.rmtree(study / "best")
    assert "best/config.yaml" in error_of(capsys, str(study))
    assert "expected the results folder" in error_of(capsys, "suite=quick")


def test_a_checkpoint_that_is_cut_short(study, capsys):
    file = study / "best" / checkpoint.WEIGHTS_FILE
    file.write_bytes(file.read_bytes()[:1000])
    assert "cannot be read" in error_of(capsys, str(study), *COMMON)


def test_a_corrupt_table_is_not_written_over(study, capsys):
    file = study / table.FILE
    file.write_bytes(b"not parquet")
    assert "move it away" in error_of(capsys, str(study), *COMMON)
    assert file.read_bytes() == b"not parquet"


def test_the_same_attack_spelled_twice_counts_once(study):
    assert main([str(study), f"images={N}", "suite=pgd_3,pgd_03,pgd_3"]) == 0
    assert rows_of(study)["attack"].tolist() == ["pgd_3"]


def rewrite(file, metadata=None, **tensors):
    """Rewrite a weights file with other metadata, or no hash, and with `tensors` replaced."""
    with safe_open(file, framework="pt") as opened:
        about = {key: value for key, value in opened.metadata().items() if key != "sha256"}
    save_file(load_file(file) | tensors, file, metadata=about if metadata is None else metadata)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(study, capsys, number):
    file = study / "best" / checkpoint.WEIGHTS_FILE
    bias = load_file(file)["1.7.bias"]
    bias[3] = number
    rewrite(file, **{"1.7.bias": bias})
    expected = "1.7.bias must be finite, got nan or inf in 1 of 10 places"
    assert expected in error_of(capsys, str(study), *COMMON)


def test_weights_of_another_kind_are_refused_and_other_floats_are_not(study, capsys):
    file = study / "best" / checkpoint.WEIGHTS_FILE
    bias = load_file(file)["1.7.bias"]
    rewrite(file, **{"1.7.bias": bias.to(torch.int8)})
    error = error_of(capsys, str(study), *COMMON)
    assert "1.7.bias must be of the kind of torch.float32, got torch.int8" in error
    rewrite(file, **{"1.7.bias": bias.double()})
    assert main([str(study), *COMMON]) == 0


def test_a_network_for_other_images_or_classes_is_refused(study, tmp_path, capsys):
    """Black images in place of MNIST: 30 x 28 pixels and ten classes, then seven classes."""
    for name, shape, classes in (("wide", (20, 30, 28), 10), ("few", (20, 28, 28), 7)):
        pixels, labels = np.zeros(shape, dtype=np.uint8), np.arange(20) % classes
        file = tmp_path / f"{name}.npz"
        np.savez(file, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
        error = error_of(capsys, str(study), "data=arrays", f"data.path={file}", "suite=fgsm")
        expected = {
            "wide": "is a network for images of 1x28x28, got data of 1x30x28",
            "few": "is a network for 10 classes, got data with 7",
        }
        assert expected[name] in error
        assert error.startswith("1 problem:")
    assert not (study / table.FILE).exists()


CUSTOM_NETWORK = """import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(784, {out})

    def forward(self, x):
        return {forward}

def build(shape, classes):
    return {built}
"""


def custom_network(tmp_path, *, out=10, forward="self.last(x.flatten(1))", built="Net()"):
    """Write a custom network and its weights; return the arguments that evaluate it."""
    source, weights = tmp_path / "net.py", tmp_path / "net.pt"
    source.write_text(CUSTOM_NETWORK.format(out=out, forward=forward, built=built))
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(out, 784, generator=generator)
    torch.save({"last.weight": rows, "last.bias": torch.zeros(out)}, weights)
    words = ["data=mnist5k", "threat=linf", "threat.eps=0.1", f"results={tmp_path / 'there'}"]
    return [f"weights={weights}", f"model={source}", *words, *COMMON]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"built": "None"}, "build() must return a torch.nn.Module, got None"),
        ({"built": "nothing"}, "NameError: name 'nothing' is not defined"),
        ({"forward": "self.last(x)"}, "does not take images of 1x28x28 (RuntimeError"),
        ({"forward": "None"}, "logits of shape (8, 10), got NoneType"),
        ({"out": 5}, "logits of shape (8, 10), got (8, 5)"),
        ({"forward": "self.last(x.flatten(1)) / 0"}, "logits that are nan or inf"),
    ],
)
def test_a_custom_network_that_fails_is_reported(tmp_path, capsys, wrong, expected):
    error = error_of(capsys, *custom_network(tmp_path, **wrong))
    assert expected in error
    assert error.startswith("1 problem:")
    assert not (tmp_path / "there").exists()


def test_another_network_in_the_same_file_is_attacked_anew(tmp_path):
    """Only the code differs: layers, weights and predictions are the same."""
    assert main(custom_network(tmp_path)) == 0
    assert main(custom_network(tmp_path, forward="2 * self.last(x.flatten(1))")) == 0
    rows = rows_of(tmp_path / "there")
    assert rows["clean_accuracy"].nunique() == 1
    assert rows["weights"].nunique() == 2
    assert rows["key"].nunique() == 4


def test_other_images_in_the_same_file_are_attacked_anew(study, tmp_path):
    """Only one grey level of one pixel differs, and no prediction changes."""
    words = [str(study), "data=arrays", f"data.path={tmp_path / 'a.npz'}", "suite=fgsm"]
    pixels, labels = np.zeros((20, 28, 28), dtype=np.uint8), np.arange(20) % 10
    for level in range(2):
        pixels[0, 0, 0] = level
        np.savez(tmp_path / "a.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
        assert main(words) == 0
    rows = rows_of(study)
    assert rows["attacked"].tolist() == [
        2,
        2,
    ]  # the two images of the class that black images are classified as
    assert rows["key"].nunique() == 2


def test_another_source_of_a_transfer_is_another_attack(study, tmp_path):
    shutil.copytree(study / "best", tmp_path / "source")
    words = [str(study), "images=20", "suite=transfer", f"transfer.source={tmp_path / 'source'}"]
    assert main(words) == 0
    rewrite(tmp_path / "source" / checkpoint.WEIGHTS_FILE, **{"1.7.bias": torch.ones(10)})
    assert main(words) == 0
    assert rows_of(study)["key"].nunique() == 2


def test_a_corrupt_source_of_a_transfer_is_one_problem(study, tmp_path, capsys):
    shutil.copytree(study / "best", tmp_path / "source")
    (tmp_path / "source" / checkpoint.WEIGHTS_FILE).write_bytes(b"no weights")
    error = error_of(capsys, str(study), "suite=transfer", f"transfer.source={tmp_path / 'source'}")
    assert error.startswith("1 problem:")
    assert error.count("problem") == 1
    assert not (study / table.FILE).exists()


def test_safetensors_without_a_description_of_the_network(study, tmp_path):
    """Files of Hugging Face have only the metadata `format`, which is not JSON."""
    file = tmp_path / "net.safetensors"
    shutil.copy(study / "best" / checkpoint.WEIGHTS_FILE, file)
    rewrite(file, metadata={"format": "pt"})
    words = ["model=small_cnn", "data=mnist5k", "threat=linf", "threat.eps=0.1", *COMMON]
    assert main([f"weights={file}", *words, f"results={tmp_path / 'there'}"]) == 0
    main([str(study), *COMMON])
    external = rows_of(tmp_path / "there")
    assert external["robust_accuracy"].tolist() == rows_of(study)["robust_accuracy"].tolist()


def test_a_folder_may_have_an_equals_sign_in_its_path(study, tmp_path):
    folder = study.rename(tmp_path / "lr=0.1")
    assert main([str(folder), *COMMON]) == 0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "cannot be read"),
        (b'{"trial_id": ', "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[1]", "its content must be a dictionary"),
        (b"{}", "lacks trial_id"),
        (b'{"trial_id": 3}', "trial_id must be a valid string"),
    ],
)
def test_corrupt_metrics_are_reported(study, capsys, content, expected):
    (study / "best" / checkpoint.METRICS_FILE).write_bytes(content)
    error = error_of(capsys, str(study), *COMMON)
    assert f"{checkpoint.METRICS_FILE}: {expected}" in error
    assert "resume=auto" in error


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("threat: linf\n", "threat must hold a name and knobs, got 'linf'"),
        ("threat:\n", "threat must hold a name and knobs, got None"),
        ("threat: {name: li", "cannot be read"),
        ("", "threat must hold a name and knobs, got None"),
    ],
)
def test_a_corrupt_configuration_is_reported(study, capsys, content, expected):
    (study / "best/config.yaml").write_text(content)
    error = error_of(capsys, str(study), *COMMON)
    assert f"config.yaml: {expected}" in error
    assert "resume=auto" in error


def test_an_incomplete_description_of_the_network_is_reported(study, capsys):
    file = study / "best" / checkpoint.WEIGHTS_FILE
    with safe_open(file, framework="pt") as opened:
        about = opened.metadata()
    for key in ("model", "shape", "classes"):
        rewrite(file, metadata={k: v for k, v in about.items() if k != key})
        assert "write weights=" in error_of(capsys, str(study), *COMMON)
    rewrite(file, metadata=about | {"shape": "[1, 28]"})
    assert "does not say of what network" in error_of(capsys, str(study), *COMMON)


def sparse(weights):
    return {name: t.to_sparse() if t.ndim == 4 else t for name, t in weights.items()}


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda file, _: file.write_bytes(b""), "is empty; download it again"),
        (lambda file, _: file.write_text("no weights"), "expected a whole file that torch.save"),
        (lambda file, _: torch.save([1], file), "holds no state dictionary of tensors"),
        (lambda file, w: torch.save(sparse(w), file), "must be a dense tensor, got torch.sparse"),
    ],
)
def test_files_without_weights_are_reported(study, tmp_path, capsys, write, expected):
    write(tmp_path / "net.pt", load_file(study / "best" / checkpoint.WEIGHTS_FILE))
    words = ["model=small_cnn", "data=mnist5k", "threat=linf", "threat.eps=0.1"]
    error = error_of(capsys, f"weights={tmp_path / 'net.pt'}", *words)
    assert expected in error
    assert error.startswith("1 problem:")


def test_nothing_is_attacked_if_the_results_cannot_be_written(study, tmp_path, capsys, monkeypatch):
    def fail(*_):
        raise AssertionError

    monkeypatch.setattr("tuner.evaluation.run.EvaluationRunner.evaluate_checkpoint", fail)
    (study / table.STATE_FOLDER).write_text("in the way")
    assert f"(File exists: {study / table.STATE_FOLDER})" in error_of(capsys, str(study), *COMMON)
    (tmp_path / "file").write_text("")
    words = [f"weights={study / 'best' / checkpoint.WEIGHTS_FILE}", "data=mnist5k", "threat=linf"]
    results = f"results={tmp_path / 'file/there'}"
    error = error_of(capsys, *words, "threat.eps=0.1", results)
    assert "results: expected a folder that can be written to" in error


def test_a_read_only_folder_is_reported(study, capsys, monkeypatch):
    def read_only(dir):  # the name of tempfile's parameter
        raise OSError(30, "Read-only file system", str(dir))

    monkeypatch.setattr(keyed_table, "TemporaryFile", read_only)
    assert "(Read-only file system: " in error_of(capsys, str(study), *COMMON)


def test_a_corrupt_attack_state_is_reported(study, capsys):
    assert main([str(study), *COMMON]) == 0
    for file in (study / table.STATE_FOLDER).glob("*.safetensors"):
        save_file(load_file(file), file)
    error = error_of(capsys, str(study), *COMMON)
    assert "remove it to restart the attack" in error
    assert error.startswith("1 problem:")


@pytest.mark.parametrize(
    "junk", ["junk", "[1]", "{}", '{"norm": "linf", "eps": "far", "data": {"name": "mnist5k"}}']
)
def test_invalid_rows_are_reported(study, capsys, junk):
    assert main([str(study), *COMMON]) == 0
    frame = rows_of(study)
    frame.loc[1, "settings"] = junk
    frame.to_parquet(study / table.FILE)
    error = error_of(capsys, str(study), *COMMON)
    assert "settings must be JSON with norm, eps, data, images, seed, precision" in error
    frame.assign(settings=None).to_parquet(study / table.FILE)
    assert "settings has gaps" in error_of(capsys, str(study), *COMMON)
    frame.assign(n="many").to_parquet(study / table.FILE)
    assert "n must be int64" in error_of(capsys, str(study), *COMMON)


@pytest.mark.slow
def test_no_row_of_two_concurrent_processes_is_lost(tmp_path):
    """Each appends thirty rows; without the lock many would be lost."""
    row = {
        name: 0 if kind.startswith(("int", "float", "Int")) else ""
        for name, kind in table.COLUMNS.items()
    }
    about = {"norm": "linf", "eps": 0.1, "data": {"name": "mnist5k"}, "images": 1, "seed": 0}
    row |= {"settings": json.dumps(about | {"precision": "fp32"}), "alone": True}
    code = (
        "import json, sys; from pathlib import Path; from tuner.evaluation import table\n"
        "row = json.loads(sys.argv[2])\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for number in range(30):\n"
        "    table.append_row(Path(sys.argv[1]), row | {'key': f'{sys.argv[3]}-{number}'})"
    )
    command = [sys.executable, "-c", code, str(tmp_path), json.dumps(row)]
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    both = [subprocess.Popen([*command, name], **piped) for name in "ab"]
    for process in both:
        assert process.stdout.readline() == b"ready\n"
    for process in both:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in both:
        process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    assert len(rows_of(tmp_path)) == 60


@pytest.mark.parametrize("rules", ["last_epoch", "oracle"])
def test_corrupt_states_of_all_trials_are_reported_together(study, capsys, rules):
    for file in study.glob("trials/*/*/state.pt"):
        file.write_bytes(b"junk")
    error = error_of(capsys, str(study), "seeds=true", f"rules={rules}", *COMMON)
    assert error.startswith("2 problems:")
    assert error.count("which is corrupt; leave last_epoch and oracle out") == 2
    torch.save({"examined": 5}, study / "trials/0000/checkpoint/state.pt")
    assert "2 problems:" in error_of(capsys, str(study), "seeds=true", f"rules={rules}", *COMMON)


def test_a_missing_or_corrupt_table_of_trials_is_reported(study, capsys):
    file = study / "trials.parquet"
    trials = pd.read_parquet(file)
    trials.drop(columns="seed").to_parquet(file)
    assert "not a table of trials" in error_of(capsys, str(study), "seeds=true", *COMMON)
    trials.assign(checkpoint=None).to_parquet(file)
    assert "has gaps" in error_of(capsys, str(study), "seeds=true", *COMMON)
    file.unlink()
    error = error_of(capsys, str(study), "top=2", *COMMON)
    assert "cannot be read (there is none)" in error


def test_a_file_instead_of_a_folder_is_reported(study, capsys):
    error = error_of(capsys, str(study / "trials.parquet"))
    assert "expected the results folder of a search, got a file" in error


def test_a_folder_may_be_given_by_a_relative_path(study, monkeypatch):
    monkeypatch.chdir(study.parent)
    assert main([study.name, *COMMON]) == 0
    assert len(rows_of(study)) == 2


def test_help_lists_every_attack(capsys):
    assert main(["--help", "all"]) == 0
    text = capsys.readouterr().out
    assert all(
        f"\nattack={name}\n" in text or f"\n  {name} " in text
        for name in ("pgd", "apgd_t", "rays", "multi_targeted")
    )


@pytest.mark.parametrize(
    ("word", "expected"),
    [("top=2", "must be at most the 1 trials"), ("seeds=true", "seeds: of those with the")],
)
def test_a_checkpoint_deleted_for_the_disk_budget_is_reported(study, capsys, word, expected):
    trials = pd.read_parquet(study / "trials.parquet")
    trials.loc[trials.index[-1], "checkpoint"] = ""
    trials.to_parquet(study / "trials.parquet")
    assert expected in error_of(capsys, str(study), *COMMON, word)


def test_trials_without_a_checkpoint_are_not_skipped(study, capsys):
    """The second best of three trials has no checkpoint: the others are not the best two."""
    trials = pd.read_parquet(study / "trials.parquet")
    middle = trials.iloc[[1]].assign(trial_id="0002", checkpoint="")
    trials = pd.concat([trials.iloc[[0]], middle, trials.iloc[[1]]])
    trials.to_parquet(study / "trials.parquet")
    error = error_of(capsys, str(study), *COMMON, "top=2")
    assert "trial 0002 has no checkpoint any more: disk_budget" in error


RANK = ["top=2", "rank=order", "suite=fgsm,pgd_3"]


def ranking_of(study):
    return json.loads((study / "ranking.json").read_text())


def test_a_ranking_attacks_the_validation_split_and_resumes(study, capsys, monkeypatch):
    assert main([str(study), *RANK]) == 0
    output, found = capsys.readouterr().out, ranking_of(study)
    config = tiny_config()
    assert found["images"] == config["data"]["validation"]
    assert found["split"] == "validation"
    assert not (study / table.FILE).exists()  # these are no results on the test split
    assert {each["trial_id"] for each in found["trials"]} == {"0000", "0001"}
    assert "% of the passes of a full evaluation were saved." in output
    assert "undecided after all" in output or "The order is decided after" in output
    monkeypatch.setattr(
        "tuner.evaluation.run.run_attack", lambda *args, state=None, **kw: check_finished(args[3])
    )
    assert main([str(study), *RANK]) == 0
    assert ranking_of(study) == found


def check_finished(state):
    assert state.number > 0, "a finished attack runs again"


def test_an_interrupted_ranking_continues_and_has_the_same_result(study, monkeypatch):
    assert main([str(study), *RANK]) == 0
    whole = ranking_of(study)
    shutil.rmtree(study / table.STATE_FOLDER)
    (study / "ranking.json").unlink()
    attack_block, calls = RankingRunner.attack_block, []

    def interrupt(self, network, mask):
        if len(calls) == 1:
            raise KeyboardInterrupt
        calls.append(network)
        return attack_block(self, network, mask)

    with monkeypatch.context() as patch:
        patch.setattr(RankingRunner, "attack_block", interrupt)
        assert main([str(study), *RANK]) == 130
    assert list((study / table.STATE_FOLDER).glob("*.safetensors"))
    assert main([str(study), *RANK]) == 0
    assert ranking_of(study) == whole


def test_a_failing_attack_names_trial_and_attack(study, capsys, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no memory\nlong trace")

    monkeypatch.setattr("tuner.evaluation.run.run_attack", fail)
    error = error_of(capsys, str(study), *RANK)
    assert "rank: fgsm failed on trial" in error
    assert "(RuntimeError: no memory)" in error
    assert "rerun the same command" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rank=order"], "rank: needs at least two trials; write top=2 or more, got top=1."),
        (["rank=order", "top=9"], "top: must be at most the 2 trials with a checkpoint, got 9."),
        (["rank=first", "top=2"], "rank: must be 'order' or 'best', got 'first'"),
        ([*RANK, "seeds=true"], "rank: compares the best trials"),
        ([*RANK, "rules=last_epoch"], "rank: compares the best epochs"),
        ([*RANK, "each=true"], "rank: compares the worst case"),
        ([*RANK, "data.split_seed=3"], "rank: attacks the validation images of the search"),
        ([*RANK, "images=5000"], "validation images, got 5000."),
        ([*RANK, "confidence=1"], "confidence: must be"),
    ],
)
def test_a_ranking_that_makes_no_sense_is_refused(study, capsys, words, message):
    assert message in error_of(capsys, str(study), *words)


def test_trials_of_other_threats_or_data_are_not_ranked(study, capsys):
    trials = pd.read_parquet(study / "trials.parquet")
    trials.insert(2, "threat.eps", [0.1, 0.2])
    trials.to_parquet(study / "trials.parquet")
    error = error_of(capsys, str(study), *RANK)
    assert "differ in threat.eps (0.1 and 0.2)" in error
    assert "Write threat.eps=VALUE" in error
    assert main([str(study), *RANK, "threat.eps=0.1"]) == 0
    trials = trials.drop(columns="threat.eps")
    trials.insert(2, "data", ["mnist", "mnist5k"])
    trials.to_parquet(study / "trials.parquet")
    assert "differ in data (mnist and mnist5k)" in error_of(capsys, str(study), *RANK)
