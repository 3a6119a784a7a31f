"""NVIDIA's MPS, with a script in the place of its control program."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tuner.config.preflight.dry_run import Resources, StudyPlan
from tuner.config.settings import Settings
from tuner.runtime.cluster import mps as mps_module
from tuner.runtime.cluster.mps import (
    LOG_VARIABLE,
    MPS_CONTROL,
    PIPE_VARIABLE,
    mps_for_shared_gpus,
    mps_hints,
    use_gpu,
)
from tuner.search import main

CONTROL = """#!/bin/sh
if [ "$1" = -d ]; then
  [ -d "$CUDA_MPS_LOG_DIRECTORY" ] && touch "$CUDA_MPS_PIPE_DIRECTORY/control" || exit 3
  echo start >> {calls}
else
  read command
  rm "$CUDA_MPS_PIPE_DIRECTORY/control"
  echo $command >> {calls}
fi
"""
SHARED = Settings(gpu=0.5)


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Return the file with the calls of the control program."""
    folder, path = tmp_path / "bin", tmp_path / "calls"
    folder.mkdir()
    (folder / MPS_CONTROL).write_text(CONTROL.format(calls=path))
    (folder / MPS_CONTROL).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv(PIPE_VARIABLE, str(tmp_path))
    monkeypatch.delenv(LOG_VARIABLE, raising=False)
    monkeypatch.setattr(mps_module.ray, "is_initialized", lambda: False)
    return path


def work():
    """Stand for a process that uses the GPU."""


def assert_ended(calls, tmp_path, folder):
    """Assert that the daemon was started and ended once, and left nothing."""
    assert calls.read_text().split() == ["start", "quit"]
    assert not folder.exists()
    assert os.environ[PIPE_VARIABLE] == str(tmp_path)
    assert LOG_VARIABLE not in os.environ


def test_processes_find_the_daemon_until_the_study_ends(calls, tmp_path):
    with mps_for_shared_gpus(SHARED, 1, work) as mps:
        assert mps.is_running
        command = [sys.executable, "-c", f"import os; print(os.environ['{PIPE_VARIABLE}'])"]
        seen = Path(subprocess.check_output(command, text=True).strip())
        assert (seen / "control").exists()
        assert seen.is_relative_to(Path(os.environ[LOG_VARIABLE]).parent)
        assert seen.parent.stat().st_mode & 0o777 == 0o700
        assert not list(mps_hints(0.5))
    assert not mps.is_running
    assert_ended(calls, tmp_path, seen.parent)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_daemon_ends_with_the_study_also_by_an_error(calls, tmp_path, error):
    seen = []

    def search():
        with mps_for_shared_gpus(SHARED, 1, work):
            seen.append(Path(os.environ[PIPE_VARIABLE]).parent)
            raise error

    with pytest.raises(error):
        search()
    assert_ended(calls, tmp_path, seen[0])


def test_it_ends_early_if_each_trial_takes_a_gpu(calls, tmp_path):
    with mps_for_shared_gpus(SHARED, 1, work) as mps:
        folder = Path(os.environ[PIPE_VARIABLE]).parent
        mps.stop()
        assert_ended(calls, tmp_path, folder)


KILLED = """
import os, sys
from tuner.config.settings import Settings
from tuner.runtime.cluster.mps import mps_for_shared_gpus
with mps_for_shared_gpus(Settings(gpu=0.5), 1, lambda: None):
    print(os.environ["CUDA_MPS_PIPE_DIRECTORY"], flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
def test_the_daemon_ends_if_the_process_is_killed(calls):
    command = [sys.executable, "-c", KILLED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    folder = Path(done.stdout.strip()).parent
    wait_until(lambda: not folder.exists())
    assert calls.read_text().split() == ["start", "quit"]


def wait_until(is_true):
    end = time.monotonic() + 150
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_daemon_that_does_not_start_is_told_with_the_command(calls, tmp_path):
    control = Path(shutil.which(MPS_CONTROL))
    control.write_text("#!/bin/sh\necho start: not permitted >&2\nexit 1\n")
    with mps_for_shared_gpus(SHARED, 1, lambda: pytest.fail("used")) as mps:
        assert not mps.is_running
        assert os.environ[PIPE_VARIABLE] == str(tmp_path)
        (hint,) = mps_hints(0.5, mps.error)
    assert hint == (
        "gpu: NVIDIA's MPS could not be started (start: not permitted), and trials that share a "
        "GPU take turns on it; start NVIDIA's MPS first (nvidia-cuda-mps-control -d) to run them "
        "at the same time, or write mps=false."
    )


def test_a_study_goes_on_if_nothing_can_be_started(calls, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no processes left")

    monkeypatch.setattr(mps_module.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(mps_module.subprocess, "Popen", fail)
    with mps_for_shared_gpus(SHARED, 1, work) as mps:
        assert (mps.is_running, mps.error) == (False, "no processes left")
        assert not [*tmp_path.glob("attuner-mps-*")]
        assert os.environ[PIPE_VARIABLE] == str(tmp_path)


def test_a_dry_run_probes_with_the_daemon_and_times_trials_without(calls, monkeypatch):
    seen = []

    def pack(plan, *_):
        seen.append(calls.read_text().split())
        return plan

    def build_plan(plan, folder, concurrency, gpu, *, early_stopping, **_):
        assert "complete run" in early_stopping
        seen.append(calls.read_text().split())
        return StudyPlan(study=plan, folder=folder, resources=Resources(concurrency, 1.0, gpu))

    monkeypatch.setattr(mps_module, "CLIENT", "")
    monkeypatch.setattr("tuner.runtime.checked_study.local_resources", lambda: (2.0, 1.0))
    monkeypatch.setattr("tuner.runtime.checked_study.pack_gpus", pack)
    monkeypatch.setattr("tuner.runtime.checked_study.build_study_plan", build_plan)
    assert main(["space=weight_decay", *SMALL, "dry_run=true"]) == 0
    assert seen == [["start"], ["start", "quit"]]


def test_a_daemon_that_no_process_can_use_is_ended(calls, tmp_path, monkeypatch):
    monkeypatch.setattr(mps_module, "CLIENT", "raise RuntimeError('CUDA error: MPS server')")
    with mps_for_shared_gpus(SHARED, 1, use_gpu) as mps:
        assert not mps.is_running
        assert mps.error == "RuntimeError: CUDA error: MPS server"
        assert calls.read_text().split() == ["start", "quit"]


@pytest.mark.parametrize(
    ("settings", "gpus"),
    [
        ({"gpu": 0.5}, 0),
        ({"gpu": 1}, 1),
        ({"gpu": 0}, 1),
        ({"gpu": 0.01}, 1),  # more processes than a server takes
        ({"mps": False}, 1),
        ({"address": "auto"}, 1),
    ],
)
def test_it_is_not_started_where_it_would_not_serve_trials_of_this_machine(calls, settings, gpus):
    with mps_for_shared_gpus(Settings(**settings), gpus, work) as mps:
        assert not mps.is_running
    assert not calls.exists()


def test_it_is_not_started_beside_another_daemon_or_for_a_ray_that_runs(
    calls, tmp_path, monkeypatch
):
    (tmp_path / "control").touch()
    with mps_for_shared_gpus(SHARED, 1, work) as mps:
        assert not mps.is_running
    (tmp_path / "control").unlink()
    monkeypatch.setattr(mps_module.ray, "is_initialized", lambda: True)
    with mps_for_shared_gpus(SHARED, 1, work) as mps:
        assert not mps.is_running
    assert not calls.exists()


def test_trials_that_share_a_gpu_are_told_of_mps_where_it_is_there_and_off(calls, tmp_path):
    assert "nvidia-cuda-mps-control -d" in next(mps_hints(0.5))
    assert not [*mps_hints(0.0), *mps_hints(1.0), *mps_hints(2.0)]
    (tmp_path / "control").touch()
    assert not list(mps_hints(0.5))


def test_without_mps_nothing_is_started_and_there_is_nothing_to_say(calls):
    Path(shutil.which(MPS_CONTROL)).unlink()
    with mps_for_shared_gpus(SHARED, 1, work) as mps:
        assert not mps.is_running
    assert not list(mps_hints(0.5))


METHOD = '''"""Writes the folder of the MPS daemon that its process would use."""
import os
from pathlib import Path
from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as pgd_at
def outer(model, x, x_adv, y, *, criterion):
    Path("{seen}").write_text(os.environ["CUDA_MPS_PIPE_DIRECTORY"])
    return pgd_at(model, x, x_adv, y, criterion=criterion)
'''
SEARCH = """
import sys, torch
torch.cuda.device_count = lambda: 1
from tuner.runtime.cluster import mps
mps.CLIENT = ""
from tuner.config.preflight.dry_run import Resources, StudyPlan
from tuner.search import main
sys.exit(main(sys.argv[1:]))
"""
SMALL = ["data.validation=60", "data.limit=120", "attack.steps=1", "exam.steps=2"]


@pytest.mark.slow
@pytest.mark.parametrize("interrupted", [False, True])
def test_trials_of_a_search_use_a_daemon_that_ends_with_it(calls, tmp_path, interrupted):
    """Ray believes that there is a GPU; the trials run on the CPU."""
    seen = tmp_path / "seen"
    (tmp_path / "method.py").write_text(METHOD.format(seen=seen))
    words = [f"method={tmp_path}/method.py", "space=weight_decay", *SMALL, "gpu=0.5"]
    words += ["trials=2", f"epochs={5000 if interrupted else 1}", f"results={tmp_path}"]
    command = [sys.executable, "-c", SEARCH, *words]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        if interrupted:
            wait_until(seen.exists)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
        status = process.wait(200)
    finally:
        process.kill()
    assert status == (130 if interrupted else 0), (tmp_path / "log").read_text()
    assert_ended(calls, tmp_path, Path(seen.read_text()).parent)
