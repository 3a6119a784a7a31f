"""Exports load in a fresh interpreter and describe what is known and unknown of the winner."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import save_file

from tests.oracles import tiny_config
from trainables.training import checkpoint
from trainables.training.checkpoint import WEIGHTS_FILE, load_model
from trainables.training.fidelity import Level
from trainables.training.trial import Trial
from trainables.training.weights import hash_tensors, read_metadata
from tuner import export
from tuner.config import description
from tuner.config.compose import compose_plan
from tuner.evaluation import fingerprint, table
from tuner.evaluation.export.robustbench import uses_additional_data
from tuner.evaluation.export.winner import make_portable
from tuner.evaluation.suites import parse_suite
from tuner.export import main
from tuner.search import parse_search_arguments
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage import results_folder

ROBUSTBENCH = {
    "link", "name", "authors", "additional_data", "number_forward_passes", "dataset", "venue",
    "architecture", "eps", "clean_acc", "reported", "autoattack_acc", "footnote", "unreliable",
    "external",
}  # fmt: skip
"""All fields of RobustBench's entries for linf and l2."""
CHAIN = {"apgd_ce": 30, "apgd_t": 20, "fab_t": 20, "square": 15}
"""Number of robust images, of 60, after each attack of AutoAttack's standard version."""
NULL = json.dumps({
    "trial_id": "0000", "knobs": {}, "epoch": 1, "val_clean_accuracy": 0.5,
    "val_robust_accuracy": None,
})  # fmt: skip
FAR = yaml.safe_dump({
    group: {"name": "x", "eps": "far"} for group in ("threat", "data", "model", "method")
})


@pytest.fixture(scope="module")
def trial():
    trial = Trial(tiny_config())
    trial.run_epoch()
    return trial


@pytest.fixture(scope="module")
def searched(trial, tmp_path_factory):
    """Return the results folder of a search with one trial."""
    folder = tmp_path_factory.mktemp("results") / "study"
    (folder / "trials/0000").mkdir(parents=True)
    checkpoint.save(trial, folder / "trials/0000")
    plan = compose_plan(*parse_search_arguments(["space=weight_decay", "trials=3"]))
    groups = {k: v for k, v in trial.config.items() if isinstance(v, dict)}
    groups["optimizer"] = {**groups["optimizer"], "weight_decay": 1e-3}
    knobs = {"optimizer.weight_decay": 1e-3}
    saved = str(folder / "trials/0000")
    record = Record("0000", knobs, 0, groups, [trial.best_report], "completed", "", saved)
    levels = (Level(trial.epochs),)
    results_folder.write_best(folder, plan, StudyProgress(3, levels, 1, {"0000": record}))
    command = ["python", "-m", "tuner.search", f"results={folder}"]
    results_folder.write_search_yaml(folder, description.describe_study(plan, levels, 0, command))
    return folder


@pytest.fixture
def folder(searched, tmp_path):
    return shutil.copytree(searched, tmp_path / "study")


def row(
    attack="pgd_10",
    left=33,
    attacked=54,
    after="",
    trial_id="0000",
    rule="best_validation_robust",
    audit="",
    **changes,
):
    """Return a row of an attack on 60 images, 54 of them classified correctly."""
    parsed = parse_suite(attack, {})[0][0]
    fixed = {
        "norm": "linf", "eps": 0.1, "data": {"name": "mnist5k"}, "images": 60, "seed": 0,
        "precision": "fp32",
    }  # fmt: skip
    about = {"attack": parsed.name, **parsed.knobs, **fixed, **changes}
    low, high = table.wilson_interval(left, 60)
    return {
        "checkpoint": "/home/somebody/study/best",
        "trial_id": trial_id,
        "rule": rule,
        "seed": None,
        "attack": attack,
        "settings": json.dumps(about, sort_keys=True),
        "key": f"{attack}-{after}-{trial_id}-{rule}-{json.dumps(changes)}",
        "norm": about["norm"],
        "eps": about["eps"],
        "n": 60,
        "clean_accuracy": 0.9,
        "attacked": attacked,
        "fooled": attacked - left,
        "robust_accuracy": left / 60,
        "low": low,
        "high": high,
        "alone": not after,
        "after": after,
        "rejected": 0,
        "audit": audit,
        "seconds": 1.0,
        "date": "2026-11-21",
    }


def chain(**changes):
    """Return the rows of AutoAttack's standard version, with changed settings.

    Args:
        changes: Settings of all attacks, or settings by name of the attack.
    """
    rows, before = [], 54
    for number, (attack, left) in enumerate(CHAIN.items()):
        changed = changes.get(attack, {k: v for k, v in changes.items() if k not in CHAIN})
        rows.append(row(attack, left, before, ",".join(list(CHAIN)[:number]), **changed))
        before = left
    return rows


def exported(folder, *words, rows=()):
    model = load_model(folder / "best")
    weights = fingerprint.hash_network(
        model, read_metadata(folder / "best" / WEIGHTS_FILE)["model"]["name"]
    )
    for values in rows:
        table.append_row(folder, {"weights": weights, **values})
    assert main([str(folder), *words]) == 0
    target = folder / "export"
    return target, json.loads((target / "model_info.json").read_text())


def error_of(capsys, *words):
    assert main([str(word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err


def test_it_loads_in_a_fresh_interpreter_and_is_as_accurate(trial, folder, tmp_path):
    target, _ = exported(folder)
    x, y = next(trial.validation_images.stream([torch.arange(len(trial.validation_images))]))
    save_file({"x": x, "y": y}, tmp_path / "images")
    code = (
        "import sys; from safetensors.torch import load_file\n"
        "from trainables.training.checkpoint import load_model\n"
        "images = load_file(sys.argv[2])\n"
        "answers = load_model(sys.argv[1])(images['x']).argmax(dim=1)\n"
        "print((answers == images['y']).double().mean().item())"
    )
    command = [sys.executable, "-c", code, str(target), str(tmp_path / "images")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(trial.best_report.val_clean_accuracy)


def test_the_export_is_complete_and_leaves_no_other_files(folder, capsys):
    before = {path.name for path in folder.iterdir()}
    target, _ = exported(folder)
    assert {path.name for path in target.iterdir()} == {
        "README.md", "config.yaml", "model.safetensors", "model_info.json",
    }  # fmt: skip
    assert {path.name for path in folder.iterdir()} == before | {"export"}
    weights = [(at / "model.safetensors").read_bytes() for at in (target, folder / "best")]
    assert weights[0] == weights[1]
    config = (folder / "best/config.yaml").read_text()
    assert yaml.safe_load((target / "config.yaml").read_text()) == yaml.safe_load(config)
    assert f"Exported trial 0000 to {target}." in capsys.readouterr().out


def test_without_an_evaluation_there_is_no_test_number(folder, capsys):
    target, entry = exported(folder)
    text = (target / "README.md").read_text()
    assert "No test number exists" in text
    assert "attuner evaluate study" in text
    assert (entry["clean_acc"], entry["reported"]) == ("", "")
    assert {"autoattack_acc", "unreliable"}.isdisjoint(entry)
    assert "No test number exists" in capsys.readouterr().out


def test_the_card_reports_the_evaluation(folder):
    audit = "cross-entropy has no gradient at 9.0 % of the images"
    rows = [row("fgsm", 33, audit=audit), row("pgd_20", 30, 33, "fgsm", audit=audit)]
    others = [row("pgd_20", 3, trial_id="0001"), row("pgd_20", 2, rule="last_epoch")]
    target, _ = exported(folder, rows=[*rows, *others])
    _, front, text = (target / "README.md").read_text().split("---\n", 2)
    about = yaml.safe_load(front)
    assert about["datasets"] == ["ylecun/mnist"]
    assert [m["value"] for m in about["model-index"][0]["results"][0]["metrics"]] == [90.0, 50.0]
    study = yaml.safe_load((folder / "search.yaml").read_text())
    for expected in (
        "linf perturbations of 0.1",
        "small_cnn",
        "166,406",
        'load_model("export")',
        "60 test images of mnist5k: clean accuracy 90.0 % [79.9, 95.3]",
        "| pgd_20 | fgsm | 50.0 | [37.7, 62.3] |",
        f"Sanity check failed: {audit}.",
        "Trial 0000 of 3, epoch 1 of",
        "| optimizer.weight_decay | 0.001 | loguniform(1e-05, 0.01) |",
        "| attack | pgd: steps 2, step_size 0.05 |",
        f"torch {study['versions']['torch']}",
        str(study["git_commit"] or "unknown"),
    ):
        assert expected in text
    assert "No test number" not in text
    assert text.count("Sanity check failed:") == 1
    assert " 5.0 " not in text


def test_the_entry_has_robustbench_s_fields_and_spelling(folder):
    words = [
        "name=Better: a study",
        "authors=Ann Lee, Bo Li",
        "venue=ICLR 2021",
        "link=https://a.b",
    ]
    target, entry = exported(folder, *words, rows=chain())
    assert set(entry) <= ROBUSTBENCH
    assert entry == {
        "link": "https://a.b",
        "name": "Better: a study",
        "authors": "Ann Lee, Bo Li",
        "additional_data": False,
        "number_forward_passes": 1,
        "dataset": "mnist5k",
        "venue": "ICLR 2021",
        "architecture": "small_cnn",
        "eps": "0.1",
        "clean_acc": "90.00",
        "reported": "25.00",
        "autoattack_acc": "25.00",
        "footnote": "Measured on 60 test images.",
        "unreliable": False,
    }
    text = (target / "README.md").read_text()
    assert "# Better: a study" in text
    assert yaml.safe_load(text.split("---\n")[1])["model-index"][0]["name"] == "Better: a study"


def test_additional_data_are_unknown_for_images_of_a_file():
    assert uses_additional_data({"data": {"name": "cifar10"}}) is False
    for name in ("arrays", "folder", "huggingface", "mine.py"):
        assert uses_additional_data({"data": {"name": name}}) == ""


def test_further_images_of_training_are_additional_data(folder):
    file = folder / "best/config.yaml"
    config = yaml.safe_load(file.read_text())
    config["data"] |= {"extra": "/somewhere/ddpm.npz", "extra_share": 0.7}
    file.write_text(yaml.safe_dump(config))
    target, entry = exported(folder)
    assert entry["additional_data"] is True
    assert "and 70 % of each batch from ddpm.npz" in (target / "README.md").read_text()


def test_images_of_weights_that_training_started_from_are_unknown(folder):
    file = folder / "best/config.yaml"
    config = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(config | {"init": "/somewhere/net.pt"}))
    target, entry = exported(folder)
    assert entry["additional_data"] == ""
    card = (target / "README.md").read_text()
    assert "weights in net.pt, whose training images are unknown" in card


def test_a_share_of_0_is_no_additional_data(folder):
    file = folder / "best/config.yaml"
    config = yaml.safe_load(file.read_text())
    config["data"] |= {"extra": "/somewhere/ddpm.npz", "extra_share": 0.0}
    file.write_text(yaml.safe_dump(config))
    target, entry = exported(folder)
    assert entry["additional_data"] is False
    assert "no other images" in (target / "README.md").read_text()


@pytest.mark.parametrize(
    "rows",
    [
        chain()[:3],
        chain(precision="bf16"),
        chain(trial_id="0001"),
        chain(rule="last_epoch"),
        chain(eps=0.05),
        chain(data={"name": "mnist"}),
        chain(square={"queries": 100}),
        chain(fab_t={"seed": 1}),
        [{**values, "after": ""} for values in chain()],
        [*chain()[:1], {**chain()[1], "attacked": 40}, *chain()[2:]],
        [row("pgd_10", 10)],
    ],
    ids=[
        "incomplete", "in bf16", "another trial", "another epoch", "another radius", "another data",
        "fewer queries", "another seed", "each alone", "not linked", "another attack",
    ],
)  # fmt: skip
def test_nothing_else_counts_as_autoattack(folder, rows):
    _, entry = exported(folder, rows=rows)
    assert "autoattack_acc" not in entry


def test_missing_parts_of_a_robustbench_entry_are_printed(folder, capsys):
    config = yaml.safe_load((folder / "best/config.yaml").read_text())
    config |= {"data": {"name": "cifar10"}, "threat": {"name": "l2", "eps": 128 / 255}}
    (folder / "best/config.yaml").write_text(yaml.safe_dump(config))
    _, entry = exported(folder, "name=Title")
    assert entry["eps"] == "128/255"
    text = capsys.readouterr().out
    assert "model_info/cifar10/L2/<Name><Year><FirstWordOfTheTitle>.json" in text
    assert f"attuner evaluate {folder} suite=autoattack" in text
    assert "lacks authors, venue, link; write authors=..." in text


def test_attacks_without_success_keep_their_position(folder):
    rows = [row("apgd_ce", 54), row("apgd_t", 54, 54, "apgd_ce")]
    rows += [row("fab_t", 50, 54, "apgd_ce,apgd_t"), row("square", 50, 50, "apgd_ce,apgd_t,fab_t")]
    _, entry = exported(folder, rows=rows[::-1])
    assert entry["autoattack_acc"] == "83.33"


def test_rows_of_other_weights_are_left_out_with_a_message(folder, capsys):
    """The winner is retrained, so that its earlier evaluation no longer applies."""
    exported(folder, rows=chain())
    shutil.rmtree(folder / "export")
    capsys.readouterr()
    weights = folder / "best/model.safetensors"
    state = load_model(weights).state_dict()
    state["1.7.bias"] += 1e-3
    about = read_metadata(weights) | {"sha256": hash_tensors(state)}
    metadata = {key: json.dumps(value) for key, value in about.items()}
    save_file(state, weights, metadata=metadata)
    target, entry = exported(folder)
    assert "Left out 4 rows of evaluation.parquet" in capsys.readouterr().out
    assert (entry["clean_acc"], entry["reported"]) == ("", "")
    assert "No test number exists" in (target / "README.md").read_text()


def test_a_failed_sanity_check_makes_the_entry_unreliable(folder):
    _, entry = exported(folder, rows=[row(audit="the network is randomised")])
    assert entry["unreliable"] is True
    assert entry["reported"] == "55.00"
    assert "not AutoAttack's: it is the lowest over pgd_10." in entry["footnote"]
    assert "the network is randomised" in entry["footnote"]


def test_the_export_contains_no_absolute_path(folder, capsys):
    config = yaml.safe_load((folder / "best/config.yaml").read_text())
    data = {"name": "arrays", "path": "/home/somebody/my images.npz", "root": "/home/somebody/data"}
    config["data"] = data
    config["method"]["name"] = "/home/somebody/mine.py"
    (folder / "best/config.yaml").write_text(yaml.safe_dump(config))
    moved = {**data, "path": "/home/else/my images.npz"}
    target, entry = exported(folder, rows=[row(data=moved)])
    texts = [file.read_text() for file in target.iterdir() if file.suffix != ".safetensors"]
    assert not [text for text in texts if "/home" in text or str(folder.parent) in text]
    written = yaml.safe_load((target / "config.yaml").read_text())
    assert written["data"] == {"name": "arrays", "path": "my images.npz", "root": "data"}
    assert written["method"]["name"] == "mine.py"
    assert entry["reported"] == "55.00"


def test_the_code_of_a_custom_network_is_exported(folder, tmp_path, monkeypatch):
    source = tmp_path / "net.py"
    source.write_text(
        "from trainables.models import small_cnn\n\n\n"
        "def build(shape, classes):\n    return small_cnn.build(shape, classes)\n"
    )
    weights = folder / "best/model.safetensors"
    about = read_metadata(weights) | {"model": {"name": str(source)}}
    metadata = {key: json.dumps(value) for key, value in about.items()}
    save_file(load_model(weights).state_dict(), weights, metadata=metadata)
    assert main([str(folder), f"trust={source}"]) == 0
    target = folder / "export"
    entry = json.loads((target / "model_info.json").read_text())
    source.unlink()
    monkeypatch.chdir(target)
    images = torch.zeros(1, *about["shape"])
    assert load_model(".", trust=["net.py"])(images).shape == (1, 10)
    assert str(tmp_path).encode() not in (target / "model.safetensors").read_bytes()
    assert entry["architecture"] == "net"
    assert 'load_model(".", trust=["net.py"])' in (target / "README.md").read_text()


def test_missing_parents_of_the_target_are_created(folder, tmp_path):
    target = tmp_path / "new/and newer/released"
    assert main([str(folder), f"to={target}"]) == 0
    assert 'load_model("released")' in (target / "README.md").read_text()
    assert not (folder / "export").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"study", "new"}


def test_weights_that_are_not_finite_are_not_exported(folder, capsys):
    weights = folder / "best/model.safetensors"
    state = load_model(weights).state_dict()
    state["1.7.bias"][0] = float("nan")
    about = read_metadata(weights) | {"sha256": hash_tensors(state)}
    metadata = {key: json.dumps(value) for key, value in about.items()}
    save_file(state, weights, metadata=metadata)
    assert "1.7.bias must be finite" in error_of(capsys, folder)


def test_a_search_may_lie_in_a_folder_with_an_equals_sign(folder, tmp_path, monkeypatch):
    folder = folder.rename(tmp_path / "lr=0.1")
    monkeypatch.chdir(tmp_path)
    assert main(["lr=0.1"]) == 0
    assert (folder / "export/README.md").is_file()


def test_an_invalid_target_is_reported(folder, capsys):
    assert "to: must be a valid path" in error_of(capsys, folder, f"to={'x' * 5000}")


def test_all_problems_are_reported_together(folder, capsys):
    text = error_of(capsys, folder, "another", "nmae=x", "venue=")
    assert "3 problems" in text
    assert "nmae: no such key. Did you mean 'name'?" in text
    assert "venue: expected a value" in text
    assert "FOLDER: expected the results folder of one search, got" in text


def test_an_existing_target_is_not_overwritten(folder, capsys):
    (folder / "export").mkdir()
    text = error_of(capsys, folder)
    assert f"to: {folder / 'export'} exists; move it away or choose another to=PATH." in text
    assert not list((folder / "export").iterdir())


def test_a_target_that_is_not_writable_is_reported(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    text = error_of(capsys, folder, f"to={tmp_path / 'file/export'}")
    assert f"to: {tmp_path / 'file'} is no folder that can be written to" in text


def test_a_failed_export_leaves_no_files(folder, tmp_path, capsys, monkeypatch):
    def fail(winner, folder):
        assert list(folder.iterdir())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "copy_weights", fail)
    text = error_of(capsys, folder, f"to={tmp_path / 'new/released'}")
    assert "cannot be written (No space left on device)" in text
    assert os.listdir(tmp_path) == ["study"]


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("best/model.safetensors", None, "holds no best/model.safetensors"),
        ("best/model.safetensors", "no weights", "cannot be read"),
        ("best/metrics.json", "{", "metrics.json: cannot be read"),
        ("best/metrics.json", "{}", "metrics.json: lacks trial_id"),
        ("best/metrics.json", NULL, "val_robust_accuracy must be a valid number"),
        ("best/config.yaml", "threat: linf\n", "threat must hold a name and knobs, got 'linf'"),
        ("best/config.yaml", FAR, "config.yaml: threat.eps must be a number"),
        (
            "best/config.yaml",
            "threat: {name: linf}\ndata: {}\nmodel: {}\n",
            "config.yaml: lacks threat.eps",
        ),
        ("search.yaml", None, "search.yaml: cannot be read"),
        ("search.yaml", "a: [", "search.yaml: cannot be read"),
        ("search.yaml", "a", "search.yaml: does not describe a search"),
        ("evaluation.parquet", "no table", "evaluation.parquet cannot be read"),
    ],
)
def test_a_corrupt_results_folder_is_reported(folder, capsys, file, content, expected):
    (folder / file).unlink(missing_ok=True)
    if content is not None:
        (folder / file).write_text(content)
    assert expected in error_of(capsys, folder)
    assert not (folder / "export").exists()
    assert not list(folder.glob(".export*"))


def test_a_missing_folder_is_reported_with_an_invalid_target_and_key(tmp_path, capsys):
    text = error_of(capsys, tmp_path / "none", f"to={tmp_path}", "year=2021")
    assert "3 problems" in text
    assert "year: no such key." in text
    assert "there is no such folder" in text
    assert f"{tmp_path} exists" in text


def test_help_lists_the_keys(capsys):
    assert main(["--help", "keys"]) == 0
    assert main([]) == 2
    assert "venue" in capsys.readouterr().out


def test_addresses_and_fractions_are_not_taken_for_paths():
    for text in ("https://arxiv.org/abs/2010.00467", "8/255", "./mine.py", "grid(1/2, 3/4)"):
        assert make_portable(text) == text


def test_untrusted_text_is_escaped_in_the_model_card(folder):
    """It forms no tag, link, image, formula, heading, table row or terminal escape sequence."""
    evil = "<b>![x](http://e) [y](z) $\\input{a}$ | `\n\n# h\n| a |\x1b[2J"
    escaped = r"\<b>\![x\](http://e) [y\](z) \$\\input{a}\$ \| \` \# h \| a \|\\x1b[2J"
    for file, change in {
        "best/config.yaml": lambda content: content["method"].update({"name": evil, evil: evil}),
        "best/metrics.json": lambda content: content.update({
            "trial_id": evil,
            "knobs": {evil: evil},
        }),
        "search.yaml": lambda content: content["versions"].update({evil: evil}),
    }.items():
        content = yaml.safe_load((folder / file).read_text())
        change(content)
        dump = json.dumps if file.endswith("json") else yaml.safe_dump
        (folder / file).write_text(dump(content))
    assert main([str(folder)]) == 0
    text = (folder / "export/README.md").read_text()
    # twice the method's name, knob and value; trial; knob and value; name and version
    assert text.count(escaped) == 6 + 1 + 2 + 2
    rest = text.replace(escaped, "")
    assert not [part for part in ("<b>", "http://e", "$", "\x1b", "\n# h") if part in rest]
