"""Evaluating a finished search, end to end, on a network that trains in a second."""

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
from trainables.training import checkpoint
from trainables.training.trial import Trial
from tuner.evaluate import main
from tuner.evaluation import table as ledger
from tuner.evaluation.checkpoints import select_winner_seeds

N = 60
KINDS = ledger.COLUMNS.items()
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
    """Return a results folder as a search of two trials leaves it."""
    folder = tmp_path_factory.mktemp("study")
    rows = []
    for name, seed in (("0000", 0), ("0001", 1)):
        trial = Trial(tiny_config(seed=seed, epochs=2))
        list(trial.run_epochs())
        kept = folder / "trials" / name / "checkpoint"
        kept.mkdir(parents=True)
        checkpoint.save(trial, kept)
        rows.append(trial_row(name, trial, seed, 1e-4))
    table = pd.DataFrame(rows).sort_values("val_robust_accuracy", ascending=False, kind="stable")
    table.to_parquet(folder / "trials.parquet")
    winner = table.iloc[0]
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
    return pd.read_parquet(study / ledger.FILE)


def refused(capsys, *words):
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


def test_an_interrupted_evaluation_goes_on(study, monkeypatch):
    from trainables.evaluation import attack_state  # noqa: PLC0415  # patched below

    done, calls = attack_state.attack_chunk, []

    def interrupted(*args, **settings):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return done(*args, **settings)

    words = [str(study), *COMMON, "batch=5"]
    monkeypatch.setattr(attack_state, "attack_chunk", interrupted)
    assert main(words) == 130
    assert main(words) == 0
    resumed, in_all = rows_of(study), len(calls)
    shutil.rmtree(study / "evaluation")
    (study / ledger.FILE).unlink()
    calls[:] = [1] * 2
    assert main(words) == 0
    columns = ["attack", "attacked", "fooled", "robust_accuracy", "key"]
    pd.testing.assert_frame_equal(rows_of(study)[columns], resumed[columns])
    assert in_all - 1 == len(calls) - 2  # the chunks of one whole run, none of them twice


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
    table = pd.DataFrame({
        "trial_id": ["a", "b", "c"],
        "status": "completed",
        "lr": [0.1, 0.2, 0.1],
        "best_epoch": 1,
        "seed": [0, 0, 1],
    })
    assert select_winner_seeds(table)["trial_id"].tolist() == ["a", "c"]


def test_bf16_is_confirmed_in_fp32(study):
    assert main([str(study), *COMMON, "precision=bf16"]) == 0
    assert (rows_of(study)["rejected"] == 0).all()


def test_weights_from_elsewhere(study, tmp_path, monkeypatch):
    """A bare state dictionary without our normalisation layer, as torch saves it."""
    monkeypatch.chdir(tmp_path)
    weights = load_file(study / "best" / checkpoint.WEIGHTS_FILE)
    bare = {k.removeprefix("1."): t for k, t in weights.items() if k.startswith("1.")}
    torch.save({"state_dict": {f"module.{k}": t for k, t in bare.items()}}, tmp_path / "net.pt")
    words = ["model=small_cnn", "data=mnist5k", "threat=linf", "threat.eps=0.1", *COMMON]
    assert main(["weights=net.pt", *words]) == 0
    main([str(study), *COMMON])
    theirs = pd.read_parquet(tmp_path / "results/net" / ledger.FILE)
    assert theirs["robust_accuracy"].tolist() == rows_of(study)["robust_accuracy"].tolist()


def test_weights_of_another_network_name_the_first_tensor_that_differs(study, capsys, tmp_path):
    weights = load_file(study / "best" / checkpoint.WEIGHTS_FILE)
    weights["1.5.weight"] = weights["1.5.weight"][:, :-1].contiguous()
    save_file(weights, tmp_path / "net.safetensors")
    words = ["data=mnist5k", "threat=linf", "threat.eps=0.1", "model=small_cnn"]
    told = refused(capsys, f"weights={tmp_path / 'net.safetensors'}", *words)
    assert "1.5.weight must be (100, 1568), got (100, 1567)" in told
    told = refused(capsys, f"weights={tmp_path / 'net.safetensors'}", *words[:-1], "model=lenet")
    assert "another network" in told


def test_code_in_a_weights_file_is_never_run(tmp_path, capsys):
    class Planted:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"state_dict": Planted()}, tmp_path / "net.pt")
    words = ["model=small_cnn", "data=mnist5k", "threat=linf", "threat.eps=0.1"]
    told = refused(capsys, f"weights={tmp_path / 'net.pt'}", *words)
    assert "cannot be read as tensors" in told
    assert "weights_only" not in told
    assert not (tmp_path / "ran").exists()


def test_probabilities_are_refused(study, capsys, monkeypatch):
    load = checkpoint.load_model
    monkeypatch.setattr(
        "tuner.evaluation.checkpoints.load_model",
        lambda *args, **kwargs: torch.nn.Sequential(load(*args, **kwargs), torch.nn.Softmax(dim=1)),
    )
    assert "logits" in refused(capsys, str(study), *COMMON)
    assert not (study / ledger.FILE).exists()


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
        (["model=lenet"], "leave model= away"),
    ],
)
def test_bad_input_is_told_and_nothing_written(study, capsys, words, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = sorted(study.rglob("*"))
    assert expected in refused(capsys, str(study), *words)
    assert sorted(study.rglob("*")) == before


def test_all_problems_at_once(study, capsys):
    told = refused(
        capsys, str(study), "suite=pdg", "top=0", "precision=fp8", "batsh=3", "threat.eps=0"
    )
    assert "5 problems" in told


def test_folders_that_hold_nothing_to_evaluate(study, tmp_path, capsys):
    assert "no such folder" in refused(capsys, str(tmp_path / "nowhere"))
    shutil.rmtree(study / "best")
    assert "best/config.yaml" in refused(capsys, str(study))
    assert "expected the results folder" in refused(capsys, "suite=quick")


def test_a_checkpoint_that_is_cut_short(study, capsys):
    file = study / "best" / checkpoint.WEIGHTS_FILE
    file.write_bytes(file.read_bytes()[:1000])
    assert "cannot be read" in refused(capsys, str(study), *COMMON)


def test_a_corrupt_table_is_not_written_over(study, capsys):
    file = study / ledger.FILE
    file.write_bytes(b"not parquet")
    assert "move it away" in refused(capsys, str(study), *COMMON)
    assert file.read_bytes() == b"not parquet"


def test_the_same_attack_spelled_twice_counts_once(study):
    assert main([str(study), f"images={N}", "suite=pgd_3,pgd_03,pgd_3"]) == 0
    assert rows_of(study)["attack"].tolist() == ["pgd_3"]


def rewrite(file, metadata=None, **tensors):
    """Write weights again with other metadata and some other tensors."""
    with safe_open(file, framework="pt") as opened:
        about = opened.metadata()
    save_file(load_file(file) | tensors, file, metadata=about if metadata is None else metadata)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(study, capsys, number):
    file = study / "best" / checkpoint.WEIGHTS_FILE
    bias = load_file(file)["1.7.bias"]
    bias[3] = number
    rewrite(file, **{"1.7.bias": bias})
    said = "1.7.bias must be finite, got nan or inf in 1 of 10 places"
    assert said in refused(capsys, str(study), *COMMON)


def test_weights_of_another_kind_are_refused_and_other_floats_are_not(study, capsys):
    file = study / "best" / checkpoint.WEIGHTS_FILE
    bias = load_file(file)["1.7.bias"]
    rewrite(file, **{"1.7.bias": bias.to(torch.int8)})
    told = refused(capsys, str(study), *COMMON)
    assert "1.7.bias must be of the kind of torch.float32, got torch.int8" in told
    rewrite(file, **{"1.7.bias": bias.double()})
    assert main([str(study), *COMMON]) == 0


def test_a_network_for_other_images_or_classes_is_refused(study, tmp_path, capsys):
    """Vectors of zeros in place of MNIST: 30 x 28 pixels, and ten classes; then seven classes."""
    for name, shape, classes in (("wide", (20, 30, 28), 10), ("few", (20, 28, 28), 7)):
        pixels, labels = np.zeros(shape, dtype=np.uint8), np.arange(20) % classes
        file = tmp_path / f"{name}.npz"
        np.savez(file, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
        told = refused(capsys, str(study), "data=arrays", f"data.path={file}", "suite=fgsm")
        expected = {
            "wide": "is a network for images of 1x28x28, got data of 1x30x28",
            "few": "is a network for 10 classes, got data with 7",
        }
        assert expected[name] in told
        assert told.startswith("1 problem:")
    assert not (study / ledger.FILE).exists()


OWN = """import torch
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


def own_network(tmp_path, *, out=10, forward="self.last(x.flatten(1))", built="Net()"):
    """Write a network of a user's own and weights of it; return the words that evaluate it."""
    source, weights = tmp_path / "net.py", tmp_path / "net.pt"
    source.write_text(OWN.format(out=out, forward=forward, built=built))
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(out, 784, generator=generator)
    torch.save({"last.weight": rows, "last.bias": torch.zeros(out)}, weights)
    words = ["data=mnist5k", "threat=linf", "threat.eps=0.1", f"results={tmp_path / 'there'}"]
    return [f"weights={weights}", f"model={source}", *words, *COMMON]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"built": "None"}, "build() must return a torch.nn.Module, got None"),
        ({"built": "nothing"}, "NameError: name 'nothing' is not defined"),
        ({"forward": "self.last(x)"}, "does not take images of 1x28x28 (RuntimeError"),
        ({"forward": "None"}, "logits of shape (8, 10), got NoneType"),
        ({"out": 5}, "logits of shape (8, 10), got (8, 5)"),
        ({"forward": "self.last(x.flatten(1)) / 0"}, "logits that are nan or inf"),
    ],
)
def test_a_user_s_network_that_does_not_work_is_told(tmp_path, capsys, wrong, said):
    told = refused(capsys, *own_network(tmp_path, **wrong))
    assert said in told
    assert told.startswith("1 problem:")
    assert not (tmp_path / "there").exists()


def test_another_network_in_the_same_file_is_attacked_anew(tmp_path):
    """The same layers, weights and answers, from other logits: the code alone tells."""
    assert main(own_network(tmp_path)) == 0
    assert main(own_network(tmp_path, forward="2 * self.last(x.flatten(1))")) == 0
    rows = rows_of(tmp_path / "there")
    assert rows["clean_accuracy"].nunique() == 1
    assert rows["weights"].nunique() == 2
    assert rows["key"].nunique() == 4


def test_other_images_in_the_same_file_are_attacked_anew(study, tmp_path):
    """One grey level of one pixel, which no answer hangs on: pixels alone tell."""
    words = [str(study), "data=arrays", f"data.path={tmp_path / 'a.npz'}", "suite=fgsm"]
    pixels, labels = np.zeros((20, 28, 28), dtype=np.uint8), np.arange(20) % 10
    for level in range(2):
        pixels[0, 0, 0] = level
        np.savez(tmp_path / "a.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
        assert main(words) == 0
    rows = rows_of(study)
    assert rows["attacked"].tolist() == [2, 2]  # the two of the class that black is taken for
    assert rows["key"].nunique() == 2


def test_another_source_of_a_transfer_is_another_attack(study, tmp_path):
    shutil.copytree(study / "best", tmp_path / "source")
    words = [str(study), "images=20", "suite=transfer", f"transfer.source={tmp_path / 'source'}"]
    assert main(words) == 0
    rewrite(tmp_path / "source" / checkpoint.WEIGHTS_FILE, **{"1.7.bias": torch.ones(10)})
    assert main(words) == 0
    assert rows_of(study)["key"].nunique() == 2


def test_weights_as_others_write_them(study, tmp_path):
    """Hugging Face's safetensors say that they are torch's, which is no JSON, and nothing else."""
    file = tmp_path / "net.safetensors"
    shutil.copy(study / "best" / checkpoint.WEIGHTS_FILE, file)
    rewrite(file, metadata={"format": "pt"})
    words = ["model=small_cnn", "data=mnist5k", "threat=linf", "threat.eps=0.1", *COMMON]
    assert main([f"weights={file}", *words, f"results={tmp_path / 'there'}"]) == 0
    main([str(study), *COMMON])
    theirs = rows_of(tmp_path / "there")
    assert theirs["robust_accuracy"].tolist() == rows_of(study)["robust_accuracy"].tolist()


def test_a_folder_may_have_an_equals_sign_in_its_path(study, tmp_path):
    folder = study.rename(tmp_path / "lr=0.1")
    assert main([str(folder), *COMMON]) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b'{"trial_id": ', "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[1]", "what it holds must be a dictionary"),
        (b"{}", "lacks trial_id"),
        (b'{"trial_id": 3}', "trial_id must be a valid string"),
    ],
)
def test_broken_measurements_are_told(study, capsys, content, said):
    (study / "best" / checkpoint.METRICS_FILE).write_bytes(content)
    told = refused(capsys, str(study), *COMMON)
    assert f"{checkpoint.METRICS_FILE}: {said}" in told
    assert "resume=auto" in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("threat: linf\n", "threat must hold a name and knobs, got 'linf'"),
        ("threat:\n", "threat must hold a name and knobs, got None"),
        ("threat: {name: li", "cannot be read"),
        ("", "threat must hold a name and knobs, got None"),
    ],
)
def test_a_broken_configuration_is_told(study, capsys, content, said):
    (study / "best/config.yaml").write_text(content)
    told = refused(capsys, str(study), *COMMON)
    assert f"config.yaml: {said}" in told
    assert "resume=auto" in told


def test_a_file_that_does_not_say_all_of_its_network_is_told(study, capsys):
    file = study / "best" / checkpoint.WEIGHTS_FILE
    with safe_open(file, framework="pt") as opened:
        about = opened.metadata()
    for key in ("model", "shape", "classes"):
        rewrite(file, metadata={k: v for k, v in about.items() if k != key})
        assert "write weights=" in refused(capsys, str(study), *COMMON)
    rewrite(file, metadata=about | {"shape": "[1, 28]"})
    assert "does not say of what network" in refused(capsys, str(study), *COMMON)


def sparse(weights):
    return {name: t.to_sparse() if t.ndim == 4 else t for name, t in weights.items()}


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda file, _: file.write_bytes(b""), "expected a whole file that torch.save"),
        (lambda file, _: file.write_text("no weights"), "expected a whole file that torch.save"),
        (lambda file, _: torch.save([1], file), "holds no state dictionary of tensors"),
        (lambda file, w: torch.save(sparse(w), file), "must be a dense tensor, got torch.sparse"),
    ],
)
def test_files_that_hold_no_weights_are_told(study, tmp_path, capsys, write, said):
    write(tmp_path / "net.pt", load_file(study / "best" / checkpoint.WEIGHTS_FILE))
    words = ["model=small_cnn", "data=mnist5k", "threat=linf", "threat.eps=0.1"]
    told = refused(capsys, f"weights={tmp_path / 'net.pt'}", *words)
    assert said in told
    assert told.startswith("1 problem:")


def test_where_nothing_can_be_written_nothing_is_attacked(study, tmp_path, capsys, monkeypatch):
    def attacked(*_):
        raise AssertionError

    monkeypatch.setattr("tuner.evaluation.run.EvaluationRunner.evaluate_checkpoint", attacked)
    (study / ledger.STATE_FOLDER).write_text("in the way")
    assert f"(File exists: {study / ledger.STATE_FOLDER})" in refused(capsys, str(study), *COMMON)
    (tmp_path / "file").write_text("")
    words = [f"weights={study / 'best' / checkpoint.WEIGHTS_FILE}", "data=mnist5k", "threat=linf"]
    where = f"results={tmp_path / 'file/there'}"
    told = refused(capsys, *words, "threat.eps=0.1", where)
    assert "results: expected a folder that can be written to" in told


def test_a_folder_that_is_read_only_is_told(study, capsys, monkeypatch):
    def read_only(dir):  # as tempfile names it
        raise OSError(30, "Read-only file system", str(dir))

    monkeypatch.setattr(ledger, "TemporaryFile", read_only)
    assert "(Read-only file system: " in refused(capsys, str(study), *COMMON)


def test_a_kept_verdict_that_is_broken_is_told(study, capsys):
    assert main([str(study), *COMMON]) == 0
    for file in (study / ledger.STATE_FOLDER).glob("*.safetensors"):
        save_file(load_file(file), file)
    told = refused(capsys, str(study), *COMMON)
    assert "remove it to restart the attack" in told
    assert told.startswith("1 problem:")


@pytest.mark.parametrize(
    "junk", ["junk", "[1]", "{}", '{"norm": "linf", "eps": "far", "data": {"name": "mnist5k"}}']
)
def test_rows_with_junk_are_told(study, capsys, junk):
    assert main([str(study), *COMMON]) == 0
    frame = rows_of(study)
    frame.loc[1, "settings"] = junk
    frame.to_parquet(study / ledger.FILE)
    told = refused(capsys, str(study), *COMMON)
    assert "settings must be JSON with norm, eps, data, images, seed, precision" in told
    frame.assign(settings=None).to_parquet(study / ledger.FILE)
    assert "settings has gaps" in refused(capsys, str(study), *COMMON)
    frame.assign(n="many").to_parquet(study / ledger.FILE)
    assert "n must be int64" in refused(capsys, str(study), *COMMON)


@pytest.mark.slow
def test_two_processes_lose_no_row_of_each_other(tmp_path):
    """Thirty rows each at the same time; without a lock most of one's are lost."""
    row = {name: 0 if kind.startswith(("int", "float", "Int")) else "" for name, kind in KINDS}
    about = {"norm": "linf", "eps": 0.1, "data": {"name": "mnist5k"}, "images": 1, "seed": 0}
    row |= {"settings": json.dumps(about | {"precision": "fp32"}), "alone": True}
    code = (
        "import json, sys; from pathlib import Path; from tuner import ledger\n"
        "row = json.loads(sys.argv[2])\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for number in range(30):\n"
        "    ledger.add(Path(sys.argv[1]), row | {'key': f'{sys.argv[3]}-{number}'})"
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
def test_a_broken_state_is_told_of_every_trial_at_once(study, capsys, rules):
    for file in study.glob("trials/*/*/state.pt"):
        file.write_bytes(b"junk")
    told = refused(capsys, str(study), "seeds=true", f"rules={rules}", *COMMON)
    assert told.startswith("2 problems:")
    assert told.count("which is corrupt; leave last_epoch and oracle out") == 2
    torch.save({"examined": 5}, study / "trials/0000/checkpoint/state.pt")
    assert "2 problems:" in refused(capsys, str(study), "seeds=true", f"rules={rules}", *COMMON)


def test_a_table_of_trials_that_is_missing_or_broken_is_told(study, capsys):
    file = study / "trials.parquet"
    table = pd.read_parquet(file)
    table.drop(columns="seed").to_parquet(file)
    assert "no table of trials" in refused(capsys, str(study), "seeds=true", *COMMON)
    table.assign(checkpoint=None).to_parquet(file)
    assert "has gaps" in refused(capsys, str(study), "seeds=true", *COMMON)
    file.unlink()
    told = refused(capsys, str(study), "top=2", *COMMON)
    assert "cannot be read (there is none)" in told


def test_a_file_for_a_folder_is_told(study, capsys):
    told = refused(capsys, str(study / "trials.parquet"))
    assert "expected the results folder of a search, got a file" in told


def test_a_folder_may_be_named_from_beside_it(study, monkeypatch):
    monkeypatch.chdir(study.parent)
    assert main([study.name, *COMMON]) == 0
    assert len(rows_of(study)) == 2


def test_help_lists_every_attack(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {name}: " in told for name in ("pgd", "apgd_t", "rays", "multi_targeted"))


@pytest.mark.parametrize(
    ("word", "said"),
    [("top=2", "must be at most the 1 trials"), ("seeds=true", "seeds: of those with the")],
)
def test_a_checkpoint_that_the_disk_budget_took_is_told(study, capsys, word, said):
    table = pd.read_parquet(study / "trials.parquet")
    table.loc[table.index[-1], "checkpoint"] = ""
    table.to_parquet(study / "trials.parquet")
    assert said in refused(capsys, str(study), *COMMON, word)


def test_the_best_that_are_left_do_not_stand_in_for_the_best(study, capsys):
    """Of three trials the second best has lost its checkpoint; two are left, not the best two."""
    table = pd.read_parquet(study / "trials.parquet")
    middle = table.iloc[[1]].assign(trial_id="0002", checkpoint="")
    table = pd.concat([table.iloc[[0]], middle, table.iloc[[1]]])
    table.to_parquet(study / "trials.parquet")
    said = refused(capsys, str(study), *COMMON, "top=2")
    assert "trial 0002 has no checkpoint any more, for disk_budget" in said
