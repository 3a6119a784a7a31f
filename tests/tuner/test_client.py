"""Searches that are sent to a real cluster over Ray Client, which run beside its head."""

import fcntl
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import yaml

from benchmarks.cluster import cluster, free_port
from tests.tuner.test_compose import problems
from tests.tuner.test_search import SMALL, frames
from trainables.problems import InputError
from tuner.cluster import begin, join, reason
from tuner.journal import FILE, Journal
from tuner.settings import Settings

WORDS = ["space=weight_decay", *SMALL, "scheduler=none", "concurrency=1", "gpu=0", "name=study"]
LONGEST = 200.0
"""Seconds for what takes thirty."""
SOON = {"RAY_CLIENT_RECONNECT_GRACE_PERIOD": "1"}
"""How long a lost connection may take to come back: a second rather than half a minute."""
OTHER = """
import sys
from tuner.search import main
import ray
ray.__version__ = "2.0.0"
sys.exit(main(sys.argv[1:]))
"""
"""The command, with another version of Ray."""


@pytest.fixture(scope="module")
def head():
    with cluster(nodes=1) as found:
        yield found


@pytest.fixture
def alone():
    """Let one test of this machine at a time have clients.

    Two heads that start a server for a client at the same moment give both the same port, and the
    kernel then deals their connections out between the two.
    """
    with (Path(tempfile.gettempdir()) / "attuner-clients.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture
def running(head, alone):
    return head


@contextmanager
def sent(running, tmp_path, *words, program=("-m", "tuner.search"), **settings):
    """Run the command in a process of its own, which is ended afterwards."""
    words = [*WORDS, *words, f"address={running.client}", f"results={tmp_path}"]
    with subprocess.Popen(
        [sys.executable, *program, *words], env={**running.environment, **settings},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def reported(process, folder):
    """Wait until a trial has reported."""
    until = time.monotonic() + LONGEST
    while not ((folder / FILE).exists() and '"reported"' in (folder / FILE).read_text()):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            pytest.fail(str(process.communicate()))
        time.sleep(0.05)


@pytest.mark.slow
def test_a_search_runs_beside_the_head_with_a_file_of_the_users_own(running, tmp_path):
    own = tmp_path / "mine.py"
    own.write_text("from trainables.methods.pgd_at import inner as inner, outer as outer\n")
    with sent(running, tmp_path, "trials=2", f"method={own}") as process:
        first = process.stdout.readline()
        told = f"Runs at {running.client}; results: {tmp_path} there.\n"
        assert first == told, process.communicate()
        begun = process.stdout.readline()
        own.unlink()  # as on a machine that it was never on
        assert "trial 0000 running" in begun
        assert process.poll() is None
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, err) == (0, "")
    assert "Winner: trial 000" in out
    assert out.endswith(f"Results: {tmp_path / 'study'}\n")
    trials, epochs = frames(tmp_path)
    assert list(trials.status) == ["completed", "completed"]
    assert list(epochs.epoch) == [1, 2, 3, 1, 2, 3]
    study = yaml.safe_load((tmp_path / "study/search.yaml").read_text())
    assert study["study"]["address"] == running.client
    assert f"address={running.client}" in study["command"]
    # what is found to be wrong there is told here
    with sent(running, tmp_path, "trials=2") as again:
        out, err = again.communicate(timeout=LONGEST)
    assert again.returncode == 2
    assert f"name: {tmp_path / 'study'} exists; choose another name=NAME" in err


@pytest.mark.slow
def test_ctrl_c_here_ends_the_search_there_with_its_results(running, tmp_path):
    with sent(running, tmp_path, "trials=400") as process:
        reported(process, tmp_path / "study")
        process.send_signal(2)
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, err) == (130, "")
    assert "Interrupted after" in out
    assert 1 <= len(frames(tmp_path)[0]) < 400


@pytest.mark.slow
def test_a_search_ends_with_its_client_and_leaves_its_results(running, tmp_path):
    with sent(running, tmp_path, "trials=400", **SOON) as process:
        reported(process, tmp_path / "study")
    until = time.monotonic() + LONGEST
    while True:
        try:
            Journal(tmp_path / "study").close()
            break
        except InputError:  # it is held by the search
            assert time.monotonic() < until
            time.sleep(0.5)
    trials, _ = frames(tmp_path)
    assert 1 <= len(trials) < 400
    assert trials.status.iloc[-1] == "stopped"  # so they were written at the end


@pytest.mark.slow
def test_a_connection_that_is_lost_is_told(alone, tmp_path):
    with cluster(nodes=1) as dying, sent(dying, tmp_path, "trials=400", **SOON) as process:
        reported(process, tmp_path / "study")
        dying.end()
        out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 1
    assert "Traceback" not in out + err
    assert f"Ended early: the search at {dying.client} is lost (" in out
    assert out.endswith("the same command with resume=auto goes on.\n")


@pytest.mark.slow
def test_another_version_of_ray_is_told(running, tmp_path):
    with sent(running, tmp_path, program=("-c", OTHER)) as process:
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, out) == (2, "")
    assert "Version mismatch: The cluster was started with: Ray: 2." in err
    assert "was started with: Ray: 2.0.0 Python: 3." in err


def test_mistakes_are_told_before_anything_is_sent():
    words = ["space=weight_decay", "address=ray://head:10001"]
    for more in ([], ["results=studies"]):
        (told,) = problems(*words, *more)
        assert told.startswith("results: must be an address or an absolute path with address=ray:")
    (told,) = problems(*words, "results=/shared", "replay=curves")
    assert told == "replay: trains nothing, so it needs no cluster; leave address out."
    with pytest.raises(InputError, match=r"no Ray cluster at ray://.*refused.*ray://HOST:10001"):
        begin(Settings(address=f"ray://127.0.0.1:{free_port()}"), [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no answer\nat all", "no answer"),
        (
            "Version mismatch: that:\n  Ray: 2\nthis:\n  Ray: 3",
            "Version mismatch: that: Ray: 2 this: Ray: 3",
        ),
        ("Failure from server:\nTraceback:\n  f()\nOSError: no", "OSError: no"),
        ("", "ValueError"),
    ],
)
def test_what_an_error_of_ray_comes_down_to(text, told):
    assert reason(ValueError(text)) == told


@pytest.mark.parametrize(("failures", "joins"), [(2, True), (3, False)])
def test_a_head_that_has_just_begun_is_asked_again(monkeypatch, failures, joins):
    """What Ray says where the server of a client could not be started."""
    said = ["Initialization failure from server:\nRuntimeError: Starting Ray client server failed."]
    left = said * failures

    def init(**_):
        if left:
            raise ConnectionAbortedError(left.pop())

    monkeypatch.setattr("ray.init", init)
    with nullcontext() if joins else pytest.raises(ConnectionAbortedError):
        join("ray://head:10001", {})
    assert not left
