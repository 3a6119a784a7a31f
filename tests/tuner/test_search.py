"""The command, from words to a results folder, on the embedded images with a tiny budget."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from types import SimpleNamespace

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml
from optuna.storages.journal import JournalFileBackend

from tests.trainables.training.test_ray_trainable import OUT_OF_MEMORY_METHOD
from tests.tuner.background import start_search
from trainables.training.checkpoint import load_model
from tuner.evaluate import main as evaluate
from tuner.search import main
from tuner.searchers.core.optuna_searcher import TRIAL_STATE
from tuner.searchers.core.optuna_storage import open_optuna_storage
from tuner.storage.event_reader import load_events

SMALL = ["data.validation=60", "data.limit=120", "attack.steps=1", "exam.steps=2", "epochs=3"]
TIMES = ["seconds", "exam_seconds"]


def search_alone(tmp_path, *words, name="study", **environment):
    """Run the command in a separate process, as a user does."""
    command = [sys.executable, "-m", "tuner.search", *words, f"results={tmp_path}", f"name={name}"]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env={**os.environ, **environment},
    )


def search(tmp_path, *words, name="study"):
    """Run the command in this process, on the Ray that its tests share."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main([*words, f"results={tmp_path}", f"name={name}"])
    return SimpleNamespace(returncode=status, stdout=out.getvalue(), stderr=err.getvalue())


def frames(tmp_path, name="study"):
    return [pd.read_parquet(tmp_path / name / f"{kind}.parquet") for kind in ("trials", "epochs")]


@pytest.mark.slow
def test_a_search_leaves_a_winner_and_frames(tmp_path):
    done = search_alone(tmp_path, "space=weight_decay", *SMALL, "trials=4")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "study"
    assert {p.name for p in folder.iterdir()} == {
        "best", "epochs.parquet", "journal.jsonl", "optuna.log", "search.yaml", "tensorboard",
        "trials", "trials.parquet",
    }  # fmt: skip
    trials, epochs = frames(tmp_path)
    assert list(trials.trial_id) == ["0000", "0001", "0002", "0003"]
    assert set(trials.status) <= {"completed", "stopped"}
    assert "completed" in set(trials.status)
    assert (epochs.groupby("trial_id").size().loc[trials.trial_id] == trials.epochs.values).all()
    best = trials.loc[trials.val_robust_accuracy.idxmax()]
    config = yaml.safe_load((folder / "best/config.yaml").read_text())
    winner = trials[trials["optimizer.weight_decay"] == config["optimizer"]["weight_decay"]].iloc[0]
    assert winner.val_robust_accuracy == best.val_robust_accuracy
    assert not load_model(folder / "best").training
    assert "Winner: trial" in done.stdout
    for noise in ("Tune Status", "ray::", "View detailed results", "WARNING", "Traceback"):
        assert noise not in done.stdout + done.stderr
    for row in trials.itertuples():  # the last state and the best weights, no more
        kept = list((folder / "trials/1").glob(f"{row.trial_id}*/checkpoint_*"))
        assert kept == [folder / row.checkpoint]


@pytest.mark.slow
def test_a_trial_that_collapses_stops_there_and_the_study_goes_on(tmp_path, machine):
    """Without a random start, FGSM collapses on digits at eps 0.3; with one, later."""
    words = ["attack=grid(fgsm,fgsm_rs)", "scheduler=none", "concurrency=1", "epochs=8"]
    words += ["data.validation=200", "data.limit=2000", "exam.steps=2"]
    done = search(tmp_path, *words, "sentinel.every=40", "sentinel.share=0.5")
    assert done.returncode == 0, done.stderr
    trials, epochs = frames(tmp_path)
    assert list(trials.status) == ["stopped", "completed"]
    at, other = trials.collapsed_at
    assert at % 40 == 0
    assert 0 < at < 40 * trials.epochs[0] < 40 * 8  # updates; there are 40 an epoch
    assert other is pd.NA
    ends = epochs.groupby("trial_id").collapsed_at.agg(list)
    assert ends["0000"] == [0] * (trials.epochs[0] - 1) + [at]
    assert f"Trial 0000 collapsed at step {at}" in done.stdout
    message = optuna.load_study(
        study_name="study", storage=open_optuna_storage(tmp_path / "study")
    ).trials
    assert [trial.state.name for trial in message] == ["COMPLETE", "COMPLETE"]
    assert [trial.value for trial in message] == list(trials.val_robust_accuracy)


@pytest.mark.slow
def test_a_winner_that_answers_one_class_is_told_apart_from_a_robust_one(tmp_path, machine):
    """94 % of the images are of one class, and nothing distinguishes the other from it."""
    y = np.zeros(500, dtype=np.int64)
    y[::50], y[1::50], y[2::50] = 1, 1, 1
    images = np.random.default_rng(0).integers(0, 256, (500, 28, 28, 1), dtype=np.uint8)
    data = tmp_path / "dominated.npz"
    np.savez(data, x_train=images, y_train=y, x_test=images[:9], y_test=y[:9])
    words = ["data=arrays", f"data.path={data}", "data.validation=100", "attack.steps=1"]
    words += ["space=weight_decay", "exam.steps=1", "epochs=1", "trials=2", "scheduler=none"]
    done = search(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "robust 94.0 %, clean 94.0 %" in done.stdout
    assert "The largest of 2 classes has 94.0 % of the validation split" in done.stdout
    assert "the winner's accuracies are robust 50.0 %, clean 50.0 %" in done.stdout
    assert "caution: the winner does not beat the largest class" in done.stdout
    trials, epochs = frames(tmp_path)
    assert trials.val_balanced_robust_accuracy.tolist() == [0.5, 0.5]
    assert epochs.val_balanced_clean_accuracy.tolist() == [0.5, 0.5]
    study = yaml.safe_load((tmp_path / "study/search.yaml").read_text())
    assert study["validation_classes"] == {"classes": 2, "largest_share": 0.94}


@pytest.mark.slow
def test_an_average_and_its_network_are_validated_at_rungs_and_at_the_end(tmp_path, machine):
    """One trial of two passes the rung at half time."""
    words = ["average=ema", "optimizer.lr=loguniform(1e-4,1e-2)", "trials=2", "epochs=4"]
    words += ["data.validation=60", "data.limit=120", "attack.steps=1", "exam.steps=1"]
    words += ["scheduler=halving", "scheduler.rungs=[1/2]", "scheduler.keep=[1/2]"]
    done = search(tmp_path, *words, "fidelity=epochs", "concurrency=1")
    assert done.returncode == 0, done.stderr
    _, epochs = frames(tmp_path)
    assert len(epochs) == 6
    measured = epochs.epoch.isin([2, 4])
    for column in ("val_robust_accuracy_raw", "val_clean_accuracy_raw"):
        assert (epochs[column].notna() == measured).all()
    assert epochs.average_horizons.gt(0).all()


@pytest.mark.slow
def test_members_are_searched_by_name_each_with_separate_knobs(tmp_path, machine):
    words = ["optimizer=grid(sgd,adam)", "optimizer.lr=1e-3", "average=ensemble"]
    done = search(tmp_path, *words, "periods.resets=[1/3]", *SMALL, "scheduler=none")
    assert done.returncode == 0, done.stderr
    trials, _ = frames(tmp_path)
    assert list(trials.variant) == ["optimizer=sgd", "optimizer=adam"]
    assert list(trials.optimizer) == ["sgd", "adam"]
    study = yaml.safe_load((tmp_path / "study/search.yaml").read_text())
    assert study["variants"]["optimizer=sgd"]["fixed"]["optimizer"]["momentum"] == 0.9
    best = trials.loc[trials.val_robust_accuracy.idxmax()]
    config = yaml.safe_load((tmp_path / "study/best/config.yaml").read_text())
    assert config["optimizer"]["name"] == best.optimizer
    assert not load_model(tmp_path / "study/best").training


SEEDED = ["space=weight_decay", *SMALL, "trials=3", "concurrency=1", "seed=7"]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory, machine):
    """Return a folder with the study `whole`, which nothing has happened to."""
    folder = tmp_path_factory.mktemp("seeded")
    assert search(folder, *SEEDED, name="whole").returncode == 0
    return folder


@pytest.mark.slow
def test_the_same_seed_gives_the_same_frames(seeded, tmp_path):
    done = search(tmp_path, *SEEDED)
    assert done.returncode == 0, done.stderr
    for one, other in zip(frames(seeded, "whole"), frames(tmp_path), strict=True):
        columns = [column for column in one.columns if column not in TIMES]
        pd.testing.assert_frame_equal(one[columns], other[columns], check_exact=True)


@pytest.mark.slow
def test_a_trial_that_raises_or_diverges_does_not_stop_the_search(tmp_path, machine):
    (tmp_path / "fragile.py").write_text(
        '"""Fails for one value of its knob."""\n'
        "from trainables.methods.pgd_at import inner as inner\n"
        "from trainables.methods.pgd_at import outer as pgd_at\n"
        "from trainables.hparams.ranges import Natural\n"
        "def outer(model, x, x_adv, y, *, criterion, fault: Natural = 0):\n"
        "    if fault == 1:\n"
        "        raise ValueError('asked to fail')\n"
        "    loss = pgd_at(model, x, x_adv, y, criterion=criterion)\n"
        "    return loss * float('nan') if fault == 2 else loss\n"
    )
    words = [f"method={tmp_path / 'fragile.py'}", "method.fault=grid(1,2,0)", "scheduler=none"]
    done = search(tmp_path, *words, *SMALL)
    assert done.returncode == 0, done.stderr
    trials, epochs = frames(tmp_path)
    assert list(trials.status) == ["failed", "diverged", "completed"]
    assert trials.error[0] == "ValueError: asked to fail"
    assert trials.val_robust_accuracy[1] == 0.0
    assert epochs.set_index("trial_id").diverged["0001"]
    assert "Trial 0000 failed: ValueError: asked to fail" in done.stdout


@pytest.mark.slow
def test_a_trial_out_of_memory_goes_on_in_smaller_parts(tmp_path, machine):
    (tmp_path / "limited.py").write_text(OUT_OF_MEMORY_METHOD)
    words = [f"method={tmp_path / 'limited.py'}", "method.capacity=grid(1000,15)", "scheduler=none"]
    done = search(tmp_path, *words, *SMALL, "data.batch_size=50", "concurrency=1")
    assert done.returncode == 0, done.stderr
    trials, epochs = frames(tmp_path)
    assert list(trials.status) == ["completed", "completed"]
    assert trials.micro_batch.isna()[0]
    assert trials.micro_batch[1] == 12
    assert "out of memory: micro-batch 12" in done.stdout
    loss = epochs.pivot(index="epoch", columns="trial_id", values="train_loss")
    np.testing.assert_allclose(loss["0001"], loss["0000"], rtol=1e-5)  # as in test_micro_batch


def newest_epoch(trials):
    """Return the latest epoch that any trial has a checkpoint of; Ray numbers them from 0."""
    return max((int(p.name[-6:]) + 1 for p in trials.glob("*/*/checkpoint_*")), default=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "number"),
    [
        (os.killpg, signal.SIGINT),  # as a terminal does: to the whole group
        (os.kill, signal.SIGTERM),  # as a cluster's scheduler does
        (os.killpg, signal.SIGTERM),
    ],
)
def test_ctrl_c_keeps_the_results(tmp_path, end, number):
    words = ["space=weight_decay", "trials=50", "epochs=5000", *SMALL[:-1]]
    command = [sys.executable, "-m", "tuner.search", *words, f"results={tmp_path}", "name=study"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 100
    while newest_epoch(tmp_path / "study/trials") < 3 and time.monotonic() < deadline:
        time.sleep(0.2)
    end(process.pid, number)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert "Interrupted after" in out
    assert "Traceback" not in out + err
    frame, _ = frames(tmp_path)
    assert set(frame.status) == {"stopped"}
    assert not load_model(tmp_path / "study/best").training


@pytest.mark.slow
def test_a_time_budget_ends_a_search_normally(tmp_path, machine):
    words = ["space=weight_decay", "trials=500", "epochs=500", "time_budget=20s", *SMALL[:-1]]
    done = search(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "Done after" in done.stdout
    assert (tmp_path / "study/best/model.safetensors").exists()


@pytest.mark.slow
def test_a_disk_budget_keeps_the_best_and_a_study_goes_on_with_it(tmp_path, capsys, machine):
    """A checkpoint takes 2.7 MB; 9 MB hold three, or two and the next of a trial that runs."""
    words = ["space=weight_decay", *SMALL, "concurrency=1", "scheduler=none", "disk_budget=9MB"]
    done = search(tmp_path, *words, "trials=4")
    assert done.returncode == 0, done.stderr
    assert "MB of 9 MB on disk" in done.stdout
    done = search(tmp_path, *words, "trials=6", "resume=auto")
    assert done.returncode == 0, done.stderr
    trials, _ = frames(tmp_path)
    folder = tmp_path / "study"
    kept = {folder / path for path in trials.checkpoint if path}
    assert kept == set((folder / "trials").glob("*/*/checkpoint_*"))
    assert 0 < sum(file.stat().st_size for path in kept for file in path.iterdir()) <= 9e6
    assert len(kept) < len(trials) == 6
    winner = trials.loc[trials.val_robust_accuracy.idxmax()]
    assert folder / winner.checkpoint in kept
    assert not load_model(folder / "best").training
    events = (folder / "journal.jsonl").read_text()
    assert events.count('"dropped"') == 6 - len(kept)
    assert evaluate([str(folder), "suite=fgsm", "images=20", "top=6"]) == 2
    assert f"at most the {len(kept)} trials with a checkpoint" in capsys.readouterr().err


BAD = [
    ["space=weight_dcay"],
    ["space=weight_decay", "method=trades2"],
    ["space=weight_decay", "optimizer.lr=-1"],
    ["space=weight_decay", "threat.eps=8"],
    ["space=weight_decay", "gpu=0.5"],
    ["space=weight_decay", "cpu=4096"],
    ["space=weight_decay", "trials=0"],
    ["space=weight_decay", "disk_budget=20XB"],
    ["space=weight_decay", "disk_budget=1MB"],
    ["space=weight_decay", "dry_run=true", "disk_budget=1MB"],
    ["space=weight_decay", "name=taken"],
    ["space=weight_decay", "data=cifar10", "data.root=nowhere", "data.download=false"],
    ["space=weight_decay", "data=arrays", "data.path=truncated.npz"],
    ["space=weight_decay", "optimizer.weight_decay=uniform(3,1)"],
    ["space=weight_decay", "data.batch_size=4000"],
    ["space=weight_decay", "data.validation=4000"],
    ["space=weight_decay", "data.crop=28"],
    ["space=weight_decay", "threat=l2", "threat.eps=128"],
    ["space=weight_decay", "results=truncated.npz"],
    ["space=weight_decay", "model=preact_resnet18", "data=arrays", "data.path=tiny.npz"],
    ["space=weight_decay", "dry_run=true", "data.batch_size=4000"],
    ["space=weight_decay", "dry_run=true", "threat.eps=1"],
    ["space=weight_decay", "dry_run=true", "data=arrays", "data.path=truncated.npz"],
    ["space=weight_decay", f"name={'x' * 300}"],
    ["space=weight_decay", "objectives=speed"],
    ["space=weight_decay", "constraint=clean>=80"],
    ["space=weight_decay", "warm_start=results/taken"],
    ["space=weight_decay", "warm_start=truncated.npz"],
    [f"space={'x' * 300}.py"],
    ["space=trades_beta", "method.beta={a: 1}"],
    [],
]


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_bad_input_is_refused_before_anything_is_written(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tuner.runtime.checked_study.local_resources", lambda: (2.0, 0.0))
    (tmp_path / "results/taken").mkdir(parents=True)
    (tmp_path / "truncated.npz").write_bytes(b"PK\x03\x04 cut off")
    pixels = np.zeros((9, 1, 1), dtype=np.uint8)
    labels = np.arange(9) % 3
    np.savez("tiny.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    before = sorted(tmp_path.rglob("*"))
    assert main(words) == 2
    assert sorted(tmp_path.rglob("*")) == before
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    if words:
        assert err.startswith("1 problem:")


def test_help_lists_what_there_is(capsys):
    assert main(["--help", "all"]) == 0
    text = capsys.readouterr().out
    for word in ("weight_decay", "cifar10", "small_cnn", "pgd_at", "asha", "attack.step_size"):
        assert word in text
    assert "8/255" in text


def test_a_dry_run_prints_the_plan_and_its_cost_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["space=weight_decay", "dry_run=true", "data.limit=100"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "weight_decay=loguniform(1e-05," in text
    # 7 epochs, 100 images, 5 attack steps and the update
    assert "4.2e+03 image gradients" in text
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_without_the_images_tells_the_plan_all_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["space=weight_decay", "data=cifar10", "data.download=false", "dry_run=true"]
    assert main(words) == 0
    assert "Cost unknown. data: CIFAR10 is missing or incomplete" in " ".join(
        capsys.readouterr().out.split()
    )


def comparable(tmp_path, name):
    trials, epochs = frames(tmp_path, name)
    # the folder of a resumed trial has a suffix after the trial's number
    where = trials.checkpoint.map(lambda path: re.split("[-_]", path.split("/")[-2])[0])
    return trials.drop(columns=["seconds", "checkpoint"]).assign(where=where), epochs.drop(
        columns=TIMES
    )


LATER = ["epochs=4", "trials=4"]
HALVING = ["scheduler=halving", "scheduler.rungs=[1/2]", "scheduler.keep=[1/2]"]


LINGERING_METHOD = """
import time
from ray import tune
from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as outer

report = getattr(tune.report, "original", tune.report)

def report_and_linger(*args, **kwargs):
    try:
        report(*args, **kwargs)
    except SystemExit:  # how Ray ends the thread of a stopped trial
        time.sleep(10)
        raise

report_and_linger.original = report
tune.report = report_and_linger
"""


@pytest.mark.slow
def test_a_trial_that_ray_drops_without_a_word_is_started_again(tmp_path):
    """The thread of a stopped trial outlives Ray's patience, so its process is not reused."""
    (tmp_path / "lingering.py").write_text(LINGERING_METHOD)
    words = [f"method={tmp_path / 'lingering.py'}", "space=weight_decay", *SMALL[:-1], "epochs=8"]
    words += ["trials=4", "scheduler=halving", "concurrency=1"]
    done = search_alone(tmp_path, *words, TUNE_FUNCTION_THREAD_TIMEOUT_S="0")
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"caution: trial 000\d: Ray gave it no process .* it is started again\.", done.stdout
    )
    trials, epochs = frames(tmp_path)
    assert sorted(trials.status) == ["completed", "stopped", "stopped", "stopped"]
    assert not trials.error.any()
    assert not epochs.duplicated(["trial_id", "level", "epoch"]).any()
    assert list(epochs.trial_id.value_counts().sort_index()) == list(trials.epochs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "kills"),
    [
        (["trials=5", "epochs=3", "scheduler=asha", "scheduler.grace=1/3"], 10),
        ([*LATER, *HALVING, "fidelity=schedule", "seeds=2"], 3),
        ([*LATER, "scheduler=pbt", "scheduler.interval=1/2"], 3),
    ],
    ids=["asha", "halving", "pbt"],
)
def test_killed_at_any_moment_a_study_goes_on_to_the_same_end(tmp_path, more, kills, machine):
    """Behind an event drawn once and for all; its Ray dies with it the first time only."""
    words = ["space=weight_decay", *SMALL[:-1], *more, "concurrency=1"]
    assert search(tmp_path, *words, name="whole").returncode == 0
    n_events = len((tmp_path / "whole/journal.jsonl").read_text().splitlines())
    numbers = np.random.default_rng(0).integers(1, n_events // kills, size=kills, endpoint=True)
    for turn, number in enumerate(numbers):
        kill_at_event(tmp_path, int(number), *words, own_ray=turn == 0)
    assert search(tmp_path, *words, "resume=auto", name="cut").returncode == 0
    same_but_for_time(tmp_path, "whole", "cut")
    config = [(tmp_path / name / "best/config.yaml").read_text() for name in ("whole", "cut")]
    assert config[0] == config[1]
    trials, _ = frames(tmp_path, "cut")
    accounted, _ = load_events(tmp_path / "cut")
    assert {n: record.status for n, record in accounted.items()} == dict(
        zip(trials.trial_id, trials.status, strict=True)
    )


def workers(driver):
    """Return the processes that train for a driver, of which there is at least one."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    family = {str(driver)}
    for _ in range(4):  # the driver's node, its workers, and what lies between
        family |= {pid for pid, parent, *_ in rows if parent in family}
    found = [int(pid) for pid, _, *words in rows if pid in family and "ImplicitFunc" in str(words)]
    assert found
    return found


@pytest.mark.slow
def test_a_trial_whose_process_is_killed_goes_on_to_the_same_end(seeded, tmp_path):
    command = [sys.executable, "-m", "tuner.search", *SEEDED, f"results={tmp_path}", "name=cut"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "cut/journal.jsonl"
    until = time.monotonic() + 100
    while not (journal.exists() and "reported" in journal.read_text()):
        assert time.monotonic() < until
        time.sleep(0.01)
    for worker in workers(process.pid):
        os.kill(worker, signal.SIGKILL)
    _, wrong = process.communicate(timeout=200)
    assert process.returncode == 0, wrong
    for whole, cut in zip(comparable(seeded, "whole"), comparable(tmp_path, "cut"), strict=True):
        pd.testing.assert_frame_equal(whole, cut)
    assert '"went_on"' in journal.read_text()


def killed(tmp_path, seconds, *words, name, alone):
    """Run the command, and kill it so many seconds after it first wrote something down."""
    journal = tmp_path / name / "journal.jsonl"
    before = journal.stat().st_size if journal.exists() else 0
    process = start_search(*words, f"results={tmp_path}", f"name={name}", own_ray=alone)
    until = time.monotonic() + 60
    while process.is_alive() and not (journal.exists() and journal.stat().st_size > before):
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(seconds)
    process.kill()
    process.join()
    assert process.exitcode in {-signal.SIGKILL, 0}  # or it had ended before


def kill_at_event(tmp_path, number, *words, own_ray=False):
    """Run the command, whose process dies behind an event of this run."""
    words = [*words, "resume=auto", f"results={tmp_path}", "name=cut"]
    process = start_search(*words, own_ray=own_ray, kill_at_event=number)
    process.join(timeout=200)
    assert process.exitcode == -signal.SIGKILL


def same_but_for_time(tmp_path, one, other):
    for whole, cut in zip(comparable(tmp_path, one), comparable(tmp_path, other), strict=True):
        pd.testing.assert_frame_equal(whole, cut)


@pytest.mark.slow
def test_a_study_goes_on_in_a_wider_space_however_often_it_is_killed(tmp_path, capsys, machine):
    """From before the study is made anew to the last of the trials that are asked of it."""
    words = ["space=weight_decay", *SMALL, "concurrency=1"]
    assert search(tmp_path, *words, "trials=2", name="whole").returncode == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    wide = ["optimizer.weight_decay=loguniform(1e-6,1)", "attack.step_size=uniform(0.05,0.2)"]
    more = [*words, *wide, "trials=5", "resume=auto"]
    assert search(tmp_path, *more, name="whole").returncode == 0
    for moment in np.random.default_rng(0).uniform(0.0, 1.5, size=1):
        killed(tmp_path, moment, *more, name="cut", alone=True)
    assert search(tmp_path, *more, name="cut").returncode == 0
    same_but_for_time(tmp_path, "whole", "cut")
    trials, _ = frames(tmp_path, "whole")
    assert list(trials.trial_id) == [f"{number:04d}" for number in range(5)]
    assert list(trials["attack.step_size"][:2]) == [0.1, 0.1]
    narrow = [*words, "trials=9", "resume=auto", f"results={tmp_path}", "name=whole"]
    assert main(narrow) == 2
    assert "attack.step_size: must be searched in uniform(0.05, 0.2)" in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_starts_with_what_another_has_found_out(tmp_path, machine):
    words = ["space=weight_decay", *SMALL, "concurrency=1"]
    assert search(tmp_path, *words, "trials=3", name="first").returncode == 0
    done = search(tmp_path, *words, "trials=2", f"warm_start={tmp_path / 'first'}", name="second")
    assert done.returncode == 0, done.stderr
    assert f"Learns from 3 of 3 trials of {tmp_path / 'first'}." in done.stdout
    trials, _ = frames(tmp_path, "second")
    assert list(trials.trial_id) == ["0000", "0001"]
    values = "optimizer.weight_decay"
    assert set(trials[values]).isdisjoint(frames(tmp_path, "first")[0][values])


@pytest.mark.slow
def test_the_searchers_study_is_open_to_others_while_it_runs(tmp_path):
    """This process looks on as optuna-dashboard does; the end of a study leaves nothing running."""
    words = ["space=weight_decay", *SMALL, "trials=4", "scheduler=none"]
    words += ["concurrency=1", "objectives=robust,clean"]
    command = [sys.executable, "-m", "tuner.search", *words, f"results={tmp_path}", "name=study"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet)
    file = tmp_path / "study/optuna.log"
    seen = set()
    while process.poll() is None:
        time.sleep(0.05)
        if file.exists():
            seen |= {tuple(trial.state for trial in looked_at(file).trials)}
    assert process.returncode == 0
    assert any(TRIAL_STATE.RUNNING in states and TRIAL_STATE.COMPLETE in states for states in seen)
    study = looked_at(file)
    assert all(trial.state.is_finished() for trial in study.trials)
    assert len(study.trials) == 4
    assert all(len(trial.values) == 2 for trial in study.best_trials)


def looked_at(file):
    """Return the study in a file as another process opens it."""
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(file)))
    return optuna.load_study(study_name=None, storage=storage)
