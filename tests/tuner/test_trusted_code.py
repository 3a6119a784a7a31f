"""Files of code that results name are not imported unless somebody trusts them by name."""

import json
import shutil

import pytest
import yaml
from safetensors.torch import load_file, save_file

from analysis.diagnose import main as diagnose
from tests.tuner.study_files import ARGUMENTS, make_plan, make_record, write_results_folder
from trainables.errors import InputError
from trainables.hparams.registry import load_member
from trainables.hparams.trusted_code import trust_files
from trainables.training.checkpoint import WEIGHTS_FILE, load_model
from trainables.training.weights import read_metadata
from tuner.evaluate import main as evaluate
from tuner.export import main as export
from tuner.search import main as search
from tuner.train import main as train

QUICK = ["suite=fgsm", "images=60"]
MEASURE = ["measure=fosc", "images=20"]
SOURCES = {
    "model": "from trainables.models.small_cnn import build",
    "data": "from trainables.data.mnist5k import RECIPE, load",
    "threat": "from trainables.threats.linf import build",
    "method": "from trainables.methods.pgd_at import inner, outer",
}


@pytest.fixture
def plant(folder, marker):
    """Return what has a results folder name a file that came with it, for one of its groups."""

    def planted(group):
        file = folder / f"{group}.py"
        trap = f"import os\n\nos.makedirs({str(marker)!r}, exist_ok=True)\n"
        file.write_text(f"{trap}{SOURCES[group]}\n")
        config = yaml.safe_load((folder / "best/config.yaml").read_text())
        config[group]["name"] = str(file)
        (folder / "best/config.yaml").write_text(yaml.safe_dump(config))
        for weights in folder.rglob(WEIGHTS_FILE) if group == "model" else ():
            about = read_metadata(weights) | {"model": {"name": str(file)}}
            metadata = {key: json.dumps(value) for key, value in about.items()}
            save_file(load_file(weights), weights, metadata=metadata)
        return file

    return planted


def trained(folder, *more):
    words = [f"config={folder / 'best/config.yaml'}", f"results={folder.parent}", "name=again"]
    return train([*words, "epochs=1", "dry_run=true", *more])


def transferred(folder, *more):
    """Attack another network, by what was crafted on that of the folder."""
    own = shutil.copytree(folder, folder.parent / "own", dirs_exist_ok=True)
    file = own / "best" / WEIGHTS_FILE
    metadata = {key: json.dumps(value) for key, value in read_metadata(file).items()}
    metadata["model"] = '{"name": "small_cnn"}'
    save_file(load_file(file), file, metadata=metadata)
    own_config = yaml.safe_load((own / "best/config.yaml").read_text())
    own_config["model"] = {"name": "small_cnn"}
    (own / "best/config.yaml").write_text(yaml.safe_dump(own_config))
    words = ["suite=transfer", f"transfer.source={folder / 'best'}", "images=60"]
    return evaluate([str(own), *words, *more])


COMMANDS = [
    (lambda f, *more: evaluate([str(f), *QUICK, *more]), "model"),
    (lambda f, *more: evaluate([str(f), *QUICK, *more]), "data"),
    (lambda f, *more: evaluate([str(f), *QUICK, *more]), "threat"),
    (lambda f, *more: evaluate([str(f), *QUICK, "top=1", "rules=last_epoch", *more]), "model"),
    (lambda f, *more: evaluate([f"weights={f / 'best' / WEIGHTS_FILE}", *ASKED, *more]), "model"),
    (transferred, "model"),
    (lambda f, *more: diagnose([str(f), *MEASURE, *more]), "model"),
    (lambda f, *more: diagnose([str(f), *MEASURE, *more]), "data"),
    (lambda f, *more: export([str(f), *more]), "model"),
    (trained, "model"),
    (trained, "method"),
]
ASKED = [*QUICK, "data=mnist5k", "threat=linf", "threat.eps=0.1", "results=there"]


@pytest.mark.parametrize(("command", "group"), COMMANDS)
def test_code_that_results_name_is_imported_if_it_is_trusted(
    command, group, folder, plant, marker, capsys, monkeypatch
):
    monkeypatch.chdir(folder.parent)
    file = plant(group)
    capsys.readouterr()
    assert command(folder) == 2
    message = capsys.readouterr().err
    assert message.startswith("1 problem:"), message
    assert f"write trust={file}." in message
    assert command(folder, f"trust={folder / 'other.py'}") == 2
    assert not marker.exists()
    assert command(folder, f"trust={folder}/../{folder.name}/{file.name}") == 0, capsys.readouterr()
    assert marker.is_dir()


@pytest.mark.parametrize("command", [COMMANDS[0][0], COMMANDS[6][0]])
def test_all_files_are_told_at_once_but_those_that_something_typed_stands_for(
    command, folder, plant, marker, capsys
):
    files = [plant("threat"), plant("data"), plant("model")]
    assert command(folder) == 2
    message = capsys.readouterr().err
    assert message.startswith("1 problem:")
    assert f"trust={','.join(map(str, files))}." in message
    assert command(folder, "threat=linf", f"data={files[1]}") == 2
    assert f"write trust={files[2]}." in capsys.readouterr().err
    assert not marker.exists()


def test_a_link_is_what_it_leads_to(folder, plant, marker, tmp_path):
    file = plant("model")
    (tmp_path / "known.py").write_text("")
    file.rename(tmp_path / "evil.py")
    file.symlink_to(tmp_path / "evil.py")
    for trust in ([], [tmp_path / "known.py"]):
        with pytest.raises(InputError, match=f"trust={tmp_path / 'evil.py'}"):
            load_model(folder / "best", trust=trust)
    assert not marker.exists()
    load_model(folder / "best", trust=[tmp_path / "evil.py"])
    assert marker.is_dir()


def test_a_copy_that_lies_where_one_works_is_not_the_file(tmp_path, marker, monkeypatch):
    """Cluster nodes receive copies of trusted files; a copy inside a results folder is not one."""
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "files/home/me/net.py"
    copy.parent.mkdir(parents=True)
    copy.write_text(f"import os\nos.mkdir({str(marker)!r})\n")
    with trust_files(["/home/me/net.py"]), pytest.raises(InputError, match=f"trust={copy}"):
        load_member("trainables.models", "/home/me/net.py")
    assert not marker.exists()


@pytest.mark.parametrize("word", ["trust=3", "trust=net", "trust="])
def test_what_is_trusted_is_a_file_of_code(word, folder, capsys):
    for command in (evaluate, diagnose, export):
        assert command([str(folder), word]) == 2
        assert capsys.readouterr().err.startswith("1 problem:\n  trust: ")


def test_trust_without_a_file_that_needs_it_is_told(tmp_path, capsys):
    assert train(["recipe=mnist5k", "trust=a.py", f"results={tmp_path}"]) == 2
    assert "trust: goes with config=" in capsys.readouterr().err


def test_a_journal_does_not_name_code_for_a_study_that_goes_on(tmp_path, marker, capsys):
    """Nor anything else that is not of the study: what a trial is comes from what is typed."""
    evil, plan = tmp_path / "evil.py", make_plan()
    evil.write_text(f"import os\n\nos.mkdir({str(marker)!r})\n{SOURCES['model']}\n")
    own = {"optimizer__weight_decay": 1e-3, "status": "running"}
    strange = make_record(plan, 1, 0.3, model__name=str(evil), **own)
    write_results_folder(tmp_path / "study", plan, make_record(plan, 0, 0.3, **own), strange)
    assert search([*ARGUMENTS, f"results={tmp_path}", "name=study", "resume=auto"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("1 problem:\n  resume: trial 0001 ")
    assert f"model is {evil} there and small_cnn here" in message
    assert not marker.exists()
