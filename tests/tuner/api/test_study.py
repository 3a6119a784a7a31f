"""`Study` in Python: the same plan as the command line, its errors, results and resumption."""

import re
import shlex
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import torch
import yaml
from ray import tune

import tuner
from trainables.errors import InputError
from trainables.training.checkpoint import load_model
from tuner.api.result import Result
from tuner.api.study import Study, compose, locate
from tuner.config import description
from tuner.config.compose import compose_plan
from tuner.runtime.outcome import Outcome
from tuner.search import main, parse_search_arguments
from tuner.storage.remote_copy import ADDRESS_FILE

SMALL = {"data.validation": 60, "data.limit": 120, "attack.steps": 1, "exam.steps": 2}


def described(plan):
    return description.describe_study(plan, (), 0, [])


def test_keys_and_words_compose_the_same_plan():
    words = [
        *("space=trades_joint", "data=cifar10", "trials=9", "threat.eps=4/255"),
        *("method.beta=uniform(1, 12)", "model=choice(resnet18,vgg16)", "scheduler=halving"),
    ]
    plan, command = compose({
        "space": "trades_joint",
        "data": "cifar10",
        "trials": 9,
        "threat.eps": 4 / 255,
        "method": {"beta": tune.uniform(1, 12)},
        "model": tune.choice(["resnet18", "vgg16"]),
        "scheduler": "halving",
    })
    assert described(plan) == described(compose_plan(*parse_search_arguments(words)))
    # the command of search.yaml is one that runs the same
    again = compose_plan(*parse_search_arguments(list(command[2:])))
    assert described(again) == described(plan)


def test_keys_may_come_from_a_file(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("trials: 3\nepochs: 9\n")
    plan, command = compose({"space": "weight_decay", "config": file, "epochs": 8})
    assert (plan.settings.trials, plan.epochs) == (3, 8)
    assert f"config={file}" in command
    with pytest.raises(InputError, match="cannot be read"):
        compose({"space": "weight_decay", "config": tmp_path / "none.yaml"})


def test_an_invalid_study_is_refused_with_the_message_of_the_command_line(capsys):
    words = ["space=weight_decay", "threat.eps=9", "trials=many", "searcher=grid"]
    with pytest.raises(tuner.InputError) as caught:
        Study(space="weight_decay", trials="many", threat={"eps": 9}, searcher="grid")
    assert main(words) == 2
    problems = re.findall(r"^  (.*)$", capsys.readouterr().err, flags=re.MULTILINE)
    assert sorted(caught.value.problems) == sorted(problems)
    assert len(problems) == 3


def test_a_dry_run_is_a_call_of_plan():
    with pytest.raises(InputError, match=r"dry_run: call plan\(\) in place of run\(\)\."):
        Study(space="weight_decay", dry_run=True)


def test_the_plan_is_an_object_that_reads_like_the_dry_run(tmp_path, capsys):
    keys = {"space": "weight_decay", "trials": 5, "epochs": 8, "results": tmp_path} | SMALL
    plan = Study(**keys).plan()
    assert not capsys.readouterr().out
    assert (plan.trials, plan.epochs, plan.resources.cpu) == (5, 8, 1.0)
    assert plan.knobs == {"optimizer.weight_decay": "loguniform(1e-05, 0.01)"}
    assert [(rung.level, rung.epoch) for rung in plan.rungs] == [(0, 2)]
    assert plan.cost.seconds > 0
    assert plan.cost.gpu_hours == plan.resources.gpu == 0
    assert plan.folder.parent == tmp_path
    words = [f"{key}={value}" for key, value in keys.items()]
    assert main([*words, "dry_run=true"]) == 0
    without_times = [
        re.sub(r"\d+:\d+(:\d+)?", "", line)
        for line in capsys.readouterr().out.splitlines()
        if not line.startswith(("New study", "Checking", "data mnist5k"))
    ]
    assert re.sub(r"\d+:\d+(:\d+)?", "", repr(plan)).splitlines() == without_times
    assert not list(tmp_path.iterdir())


def test_a_plan_that_cannot_run_here_is_refused(tmp_path):
    study = Study(space="weight_decay", results=tmp_path, cpu=10_000)
    with pytest.raises(InputError, match="cpu: must be at most"):
        study.plan()


def test_the_repr_of_a_study_makes_it_again():
    study = Study(space="weight_decay", knobs={"threat.eps": "1/4"}, trials=3)
    assert repr(study) == "Study(space='weight_decay', trials=3, knobs={'threat.eps': '1/4'})"
    assert repr(eval(repr(study))) == repr(study)


@pytest.fixture
def launched(monkeypatch, tmp_path):
    """Let studies end with an outcome at once; return the commands that they ran."""
    commands = []

    def let_end(status=0, reason=""):
        def launch(plan, command, console):
            commands.append(command)
            return Outcome(status, tmp_path / "study", reason)

        monkeypatch.setattr("tuner.api.study.launch", launch)
        return commands

    return let_end


def test_an_interrupted_study_says_how_to_resume_and_resumes(launched, tmp_path):
    commands = launched(130)
    study = Study(space="weight_decay", trials=2)
    with pytest.raises(
        KeyboardInterrupt, match=r"call study\.resume\(\) or Study\.load\('.*/study"
    ):
        study.run()
    launched(0)
    assert study.resume().folder == tmp_path / "study"
    assert commands == [
        ("attuner", "search", "space=weight_decay", "trials=2"),
        (
            *("attuner", "search", "space=weight_decay", "trials=2"),
            *("name=study", f"results={tmp_path}", "resume=auto"),
        ),
    ]


def test_changes_of_a_resumed_study_hold_from_then_on(launched):
    commands = launched(0)
    study = Study(space="weight_decay", trials=2)
    study.resume(trials=5)
    study.resume(knobs={"optimizer.weight_decay": tune.loguniform(1e-6, 1e-1)})
    assert ["trials=5" in command for command in commands] == [True, True]
    assert commands[0][-1] == "resume=auto"
    assert "optimizer.weight_decay=loguniform(1e-06, 0.1)" in commands[1]


def test_a_study_that_stopped_early_raises_why(launched):
    launched(1, "OSError: no space left")
    with pytest.raises(InputError, match=r"stopped early: OSError: no space left\. Free space"):
        Study(space="weight_decay").run()


def test_a_study_whose_trials_all_failed_raises_their_errors(launched, tmp_path):
    launched(1)
    errors = ["RuntimeError: one", "RuntimeError: two", "RuntimeError: one"]
    trials = pd.DataFrame({"trial_id": ["0000", "0001", "0002"], "error": errors})
    (tmp_path / "study").mkdir()
    trials.to_parquet(tmp_path / "study/trials.parquet")
    with pytest.raises(InputError) as caught:
        Study(space="weight_decay").run()
    assert caught.value.problems == (
        "trial 0000, 0002 failed: RuntimeError: one",
        "trial 0001 failed: RuntimeError: two",
    )


def test_a_study_that_has_not_run_has_no_result():
    with pytest.raises(InputError, match=r"has not run; call run\(\) first"):
        _ = Study(space="weight_decay").result


def test_the_results_of_a_folder(folder):
    result = Study.load(folder).result
    assert result.folder == folder
    best = result.best
    assert (best.trial_id, best.knobs) == ("0000", {"optimizer.weight_decay": 1e-3})
    assert best.config["optimizer"]["weight_decay"] == 1e-3
    assert best.metrics["val_robust_accuracy"] == result.trials["val_robust_accuracy"].max()
    assert "trial_id" not in best.metrics
    assert result.trials["status"].tolist() == ["completed"]
    assert result.epochs["trial_id"].unique().tolist() == ["0000"]
    assert result.evaluation.empty
    robust = f"robust {100 * best.metrics['val_robust_accuracy']:.1f} %"
    assert f"1 completed\n  best: trial 0000, optimizer.weight_decay=0.001: {robust}" in repr(
        result
    )


def test_the_networks_of_a_folder(folder):
    result = Result(folder)
    x = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    expected = load_model(folder / "best")(x)
    assert torch.equal(result.load_model()(x), expected)
    assert torch.equal(result.load_model("0000")(x), expected)
    with pytest.raises(InputError, match="trial_id: must be that of a trial that completed an"):
        result.load_model("0007")
    with pytest.raises(InputError, match=r"best: no weights|holds no|state"):
        result.load_model(last=True)


def test_what_a_folder_lacks_is_said(tmp_path, folder):
    with pytest.raises(InputError, match=r"holds no search.yaml; name a results folder"):
        Study.load(tmp_path)
    (folder / "trials.parquet").write_bytes(b"PAR1")
    result = Study.load(folder).result
    with pytest.raises(InputError, match=r"trials.parquet: cannot be read"):
        _ = result.trials
    assert "cannot be read" in repr(result)
    (folder / "epochs.parquet").unlink()
    with pytest.raises(InputError, match="when its first trial has ended"):
        _ = result.epochs
    shutil.rmtree(folder / "best")
    with pytest.raises(InputError, match=r"holds no best/config.yaml"):
        _ = result.best


def with_command(folder, command):
    content = yaml.safe_load((folder / "search.yaml").read_text())
    (folder / "search.yaml").write_text(yaml.safe_dump(content | {"command": command}))
    return folder


def test_a_loaded_study_resumes_by_its_command(folder, launched):
    words = "python -m tuner.search space=weight_decay 'optimizer.lr=uniform(0.1, 1)' trials=3"
    commands = launched(0)
    study = Study.load(with_command(folder, words))
    study.resume(trials=4)
    ((*_, wd, lr, trials, name, results, resume),) = commands
    assert (wd, lr, trials) == ("space=weight_decay", "optimizer.lr=uniform(0.1, 1)", "trials=4")
    assert (name, results, resume) == ("name=study", f"results={folder.parent}", "resume=auto")
    assert repr(Study.load(folder)) == f"Study.load({str(folder)!r})"


def test_a_study_of_the_console_command_resumes_too(folder, launched):
    commands = launched(0)
    Study.load(with_command(folder, "attuner search space=weight_decay")).resume()
    assert commands[0][2] == "space=weight_decay"


def test_one_configuration_is_resumed_by_its_command(folder):
    study = Study.load(with_command(folder, "python -m tuner.train recipe=mnist5k"))
    assert study.result.best
    with pytest.raises(InputError, match=r"not run by a search, but by python -m tuner.train"):
        study.resume()


def test_a_file_that_a_loaded_study_names_runs_only_if_trusted(folder, launched, tmp_path, marker):
    file = tmp_path / "planted.py"
    file.write_text(
        f"import os\nos.makedirs({str(marker)!r})\nfrom search_spaces.weight_decay import *"
    )
    with_command(folder, shlex.join(["python", "-m", "tuner.search", f"space={file}"]))
    launched(0)
    with pytest.raises(InputError, match=f"trust: the results name {file}"):
        Study.load(folder).resume()
    assert not marker.exists()
    Study.load(folder, trust=file).resume()
    assert marker.exists()


def test_a_copy_of_a_remote_study_resumes_at_its_address(folder):
    (folder / ADDRESS_FILE).write_text("s3://bucket/studies/study?region=eu")
    assert locate(folder) == {"name": "study", "results": "s3://bucket/studies?region=eu"}


def test_importing_tuner_imports_neither_torch_nor_ray():
    code = "import sys, tuner; print({'torch', 'ray', 'pandas'} & set(sys.modules), dir(tuner))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("set()")
    assert "'Study'" in done.stdout


def test_every_public_name_can_be_imported():
    for name in tuner.__all__:
        assert getattr(tuner, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'Studi'"):
        _ = tuner.Studi


@pytest.mark.slow
def test_a_study_runs_resumes_and_is_evaluated(tmp_path, machine):
    study = Study(
        space="weight_decay",
        trials=2,
        epochs=2,
        results=tmp_path,
        name="study",
        tracker="none",
        knobs=SMALL | {"optimizer.weight_decay": tune.loguniform(1e-4, 1e-2)},
    )
    result = study.run(progress=False)
    assert result.trials["status"].tolist() == ["completed"] * 2
    assert len(result.epochs) == 4
    content = yaml.safe_load((result.folder / "search.yaml").read_text())
    assert "'optimizer.weight_decay=loguniform(0.0001, 0.01)'" in content["command"]
    extended = Study.load(result.folder).resume(trials=3, progress=False)
    pd.testing.assert_frame_equal(extended.trials[:2], result.trials)
    assert len(extended.trials) == 3
    frame = tuner.evaluate(extended, suite="fgsm,pgd", images=20, knobs={"pgd.steps": 2})
    assert frame["attack"].tolist() == ["fgsm", "pgd"]
    pd.testing.assert_frame_equal(frame, extended.evaluation, check_dtype=False)
    with pytest.raises(InputError, match=r"name: .* exists; choose another name=NAME"):
        study.run(progress=False)
