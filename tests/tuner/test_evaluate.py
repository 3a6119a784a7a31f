"""Evaluating a finished search, end to end, on a network that trains in a second."""

import json
import shutil

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from tests.oracles import tiny
from trainables import checkpoint
from trainables.trial import Trial
from tuner import ledger
from tuner.candidates import same_knobs
from tuner.evaluate import main

N = 60
COMMON = [f"images={N}", "suite=fgsm,pgd_3"]


def trial_row(name, trial, seed, decay):
    return {
        "trial_id": name,
        "status": "completed",
        "optimizer.weight_decay": decay,
        "best_epoch": trial.best.epoch,
        "val_clean_accuracy": trial.best.val_clean_accuracy,
        "val_robust_accuracy": trial.best.val_robust_accuracy,
        "checkpoint": f"trials/{name}/checkpoint",
        "seed": seed,
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a results folder as a search of two trials leaves it."""
    folder = tmp_path_factory.mktemp("study")
    rows = []
    for name, seed in (("0000", 0), ("0001", 1)):
        trial = Trial(tiny(seed=seed, epochs=2))
        list(trial.reports())
        kept = folder / "trials" / name / "checkpoint"
        kept.mkdir(parents=True)
        checkpoint.save(trial, kept)
        rows.append(trial_row(name, trial, seed, 1e-4))
    table = pd.DataFrame(rows).sort_values("val_robust_accuracy", ascending=False, kind="stable")
    table.to_parquet(folder / "trials.parquet")
    winner = table.iloc[0]
    (folder / "best").mkdir()
    for name in (checkpoint.WEIGHTS, checkpoint.METRICS):
        shutil.copy(folder / winner["checkpoint"] / name, folder / "best" / name)
    metrics = json.loads((folder / "best" / checkpoint.METRICS).read_text())
    metrics |= {"trial_id": str(winner["trial_id"]), "knobs": {"optimizer.weight_decay": 1e-4}}
    (folder / "best" / checkpoint.METRICS).write_text(json.dumps(metrics))
    (folder / "best/config.yaml").write_text(yaml.safe_dump(tiny(epochs=2)))
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
    assert f"{100 * share:.1f} % are taken for the class aimed at" in capsys.readouterr().out


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
    from trainables import verdict  # noqa: PLC0415  # patched below

    done, calls = verdict.chunk, []

    def interrupted(*args, **settings):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return done(*args, **settings)

    words = [str(study), *COMMON, "batch=5"]
    monkeypatch.setattr(verdict, "chunk", interrupted)
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
    trial = Trial(tiny(seed=0, epochs=2))
    list(trial.reports())
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
    assert same_knobs(table)["trial_id"].tolist() == ["a", "c"]


def test_bf16_is_confirmed_in_fp32(study):
    assert main([str(study), *COMMON, "precision=bf16"]) == 0
    assert (rows_of(study)["rejected"] == 0).all()


def test_weights_from_elsewhere(study, tmp_path, monkeypatch):
    """A bare state dictionary without our normalisation layer, as torch saves it."""
    monkeypatch.chdir(tmp_path)
    weights = load_file(study / "best" / checkpoint.WEIGHTS)
    bare = {k.removeprefix("1."): t for k, t in weights.items() if k.startswith("1.")}
    torch.save({"state_dict": {f"module.{k}": t for k, t in bare.items()}}, tmp_path / "net.pt")
    words = ["model=small_cnn", "data=mnist5k", "threat=linf", "threat.eps=0.1", *COMMON]
    assert main(["weights=net.pt", *words]) == 0
    main([str(study), *COMMON])
    theirs = pd.read_parquet(tmp_path / "results/net" / ledger.FILE)
    assert theirs["robust_accuracy"].tolist() == rows_of(study)["robust_accuracy"].tolist()


def test_weights_of_another_network_name_the_first_tensor_that_differs(study, capsys, tmp_path):
    weights = load_file(study / "best" / checkpoint.WEIGHTS)
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
    assert not (tmp_path / "ran").exists()


def test_probabilities_are_refused(study, capsys, monkeypatch):
    load = checkpoint.load_model
    monkeypatch.setattr(
        "tuner.candidates.load_model",
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
    file = study / "best" / checkpoint.WEIGHTS
    file.write_bytes(file.read_bytes()[:1000])
    assert "cannot be read" in refused(capsys, str(study), *COMMON)


def test_a_corrupt_table_is_not_written_over(study, capsys):
    file = study / ledger.FILE
    file.write_bytes(b"not parquet")
    assert "move it away" in refused(capsys, str(study), *COMMON)
    assert file.read_bytes() == b"not parquet"


def test_help_lists_every_attack(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {name}: " in told for name in ("pgd", "apgd_t", "rays", "multi_targeted"))
