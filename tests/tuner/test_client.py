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

import analysis
from benchmarks.cluster import cluster, free_port
from tests.tuner.test_compose import problems
from tests.tuner.test_elsewhere import CHEAP
from tests.tuner.test_search import SMALL, frames
from trainables.problems import InputError
from tuner import evaluate
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
TRACKER = """
from types import SimpleNamespace

def build(*, folder):
    def begin(trial, knobs):
        file = folder / f"mine-{trial}"
        report = lambda step, values: file.write_text(str(step))
        return SimpleNamespace(report=report, end=lambda *, failed: None)
    return SimpleNamespace(begin=begin)
"""
"""Writes down the last epoch of each trial."""


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
def sent(running, results, *words, program=("-m", "tuner.search"), **settings):
    """Run the command in a process of its own, which is ended afterwards."""
    words = [*WORDS, *words, f"address={running.client}", f"results={results}"]
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
def test_a_search_runs_beside_the_head_and_leaves_its_results_on_s3(
    running, tmp_path, bucket, monkeypatch
):
    own, tracker = tmp_path / "mine.py", tmp_path / "told.py"
    own.write_text("from trainables.methods.pgd_at import inner as inner, outer as outer\n")
    tracker.write_text(TRACKER)
    with sent(running, bucket, "trials=2", f"method={own}", f"tracker={tracker}") as process:
        first = process.stdout.readline()
        told = f"Runs at {running.client}; results: {bucket} there.\n"
        assert first == told, process.communicate()
        begun = process.stdout.readline()
        own.unlink()  # as on a machine that they were never on
        tracker.unlink()
        assert "trial 0000 running" in begun
        assert process.poll() is None
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, err) == (0, "")
    assert "Winner: trial 000" in out
    address = bucket.replace("/studies?", "/studies/study?")
    assert out.endswith(f"Results: {address}\n")  # rather than a folder of the head
    monkeypatch.chdir(tmp_path)
    read_back(address, running)
    # one configuration goes the same way, and what is found to be wrong there is told here
    words = ["recipe=mnist5k", *SMALL, "gpu=0", "name=study", f"address={running.client}"]
    again = subprocess.run(
        [sys.executable, "-m", "tuner.train", *words, f"results={bucket}"],
        env=running.environment, capture_output=True, text=True, check=False, timeout=LONGEST,
    )  # fmt: skip
    assert again.returncode == 2
    assert f"name: {address} exists; choose another name=NAME" in again.stderr


def read_back(address, running):
    """See what the commands after a search make of it here."""
    assert evaluate.main([address, *CHEAP]) == 0
    frames = analysis.load(address)
    assert list(frames.trials.status) == ["completed", "completed"]
    assert list(frames.epochs.epoch) == [1, 2, 3, 1, 2, 3]
    assert list(frames.evaluation.attack) == ["fgsm"]
    copy = Path("results/study")
    assert [(copy / f"mine-000{n}").read_text() for n in range(2)] == ["3", "3"]
    study = yaml.safe_load((copy / "search.yaml").read_text())
    assert study["study"]["address"] == running.client
    assert f"address={running.client}" in study["command"]


@pytest.mark.slow
def test_ctrl_c_here_ends_the_search_there_with_its_results(running, tmp_path):
    with sent(running, tmp_path, "trials=400") as process:
        reported(process, tmp_path / "study")
        process.send_signal(2)
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, err) == (130, "")
    assert "Interrupted after" in out
    trials, _ = frames(tmp_path)
    assert 1 <= len(trials) < 400
    # it goes on, with what only whole searches do
    more = [f"trials={len(trials) + 1}", "seeds=2", "dashboard=true", "resume=auto"]
    with sent(running, tmp_path, *more) as again:
        out, err = again.communicate(timeout=LONGEST)
    assert err == ""
    assert f"Goes on with {tmp_path / 'study'}: " in out
    assert "caution: dashboard: Ray has started none" in out
    trials, _ = frames(tmp_path)
    assert set(trials.status) == {"completed"}
    assert set(trials.seed) == {0, 1}
    # another learns from it, and only says so
    words = ["name=next", f"warm_start={tmp_path / 'study'}", "dry_run=true"]
    with sent(running, tmp_path, *words) as another:
        out, err = another.communicate(timeout=LONGEST)
    assert err == ""
    assert "In all at most about" in out
    assert f"Learns from {len(trials)} of {len(trials)} trials of {tmp_path / 'study'}." in out
    assert not (tmp_path / "next").exists()


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


@pytest.mark.slow
@pytest.mark.parametrize("token", ["another", "none", "unreadable"])
def test_a_token_that_is_refused_is_told(running, tmp_path, token):
    """Ray itself asks again and again, and then tells of a connection timeout."""
    file = tmp_path / "token"
    if token == "another":
        file.write_text("0" * 64)
    kept = {"HOME": str(tmp_path), "RAY_AUTH_TOKEN_PATH": str(file) if token != "none" else ""}
    with sent(running, tmp_path, **kept) as process:
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, out) == (2, "")
    assert {
        "unreadable": f"address: Ray's token cannot be read: RAY_AUTH_TOKEN_PATH is set but file "
        f"cannot be opened or is empty: {file}",
    }.get(token, "refuses this machine's token; copy ~/.ray/auth_token") in err


def test_mistakes_are_told_before_anything_is_sent():
    words = ["space=weight_decay", "address=ray://head:10001"]
    for more in ([], ["results=studies"]):
        (told,) = problems(*words, *more)
        assert told.startswith("results: must be an address or an absolute path with address=ray:")
    paths = ["warm_start=/one,two,s3://b/c", "data=cifar10", "data.root=here"]
    told = problems(*words, "results=/shared", *paths)
    assert [each.partition(" with ")[0] for each in told] == [
        "warm_start: must be an address or an absolute path",
        "data.root: must be an absolute path",
    ]
    assert "got two; " in told[0]
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
