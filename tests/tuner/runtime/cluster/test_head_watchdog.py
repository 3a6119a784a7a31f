"""A cluster of one node, all of which is killed in the middle of a search, and started again."""

import re
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import psutil
import pytest

from benchmarks.cluster import count_lost_epochs
from benchmarks.local_cluster import start_cluster
from tests.tuner.runtime import test_faults
from tests.tuner.runtime.test_faults import WORDS, assert_same_results
from tests.tuner.test_search import frames, search
from tuner.layout import EVENT_LOG_FILE
from tuner.runtime.cluster import head_watchdog
from tuner.storage.event_reader import read_events

uninterrupted = test_faults.uninterrupted
HEAD = r"the head node of the Ray cluster, \S+:\d+,"
LONGEST = 200.0
"""Seconds for what takes ten."""


@pytest.fixture
def head():
    with start_cluster(nodes=1) as running:
        yield running


def start_search(head, tmp_path, *words):
    """Start the command in a separate process, on a cluster."""
    words = [*WORDS, "trials=3", "gpu=0", f"address={head.address}", *words]
    command = [sys.executable, "-m", "tuner.search", *words, f"results={tmp_path}", "name=cut"]
    return subprocess.Popen(
        command, env=head.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_report(process, event_log):
    """Wait until a trial has reported, once more than before."""
    until = time.monotonic() + LONGEST
    before = event_log.read_text().count('"reported"') if event_log.exists() else 0
    while not (event_log.exists() and event_log.read_text().count('"reported"') > before):
        assert time.monotonic() < until
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.slow
def test_a_study_is_resumed_after_the_head_of_its_cluster_was_killed(uninterrupted, tmp_path, head):
    """The driver ends by itself and says how to resume; the second time it dies with the head."""
    event_log = tmp_path / "cut" / EVENT_LOG_FILE
    process = start_search(head, tmp_path)
    wait_for_report(process, event_log)
    head.kill()
    out, err = process.communicate(timeout=LONGEST)
    assert event_log.read_text().count('"ended"') < 3
    assert process.returncode == 1
    # the raylet of this machine, which is the head's node, dies with it and is noticed first
    lost = rf"({HEAD} is gone|Ray's process on this machine \(raylet, process \d+\) has died)"
    assert re.search(f"Stopped early: {lost}. .*\nTo resume: .* resume=auto$", out.rstrip())
    assert "Traceback" not in out + err
    assert "GCS" not in err
    assert frames(tmp_path, "cut")[0].status.tolist() == ["stopped"]
    head.start()
    process = start_search(head, tmp_path, "resume=auto")
    wait_for_report(process, event_log)
    head.kill()
    process.kill()
    process.communicate(timeout=LONGEST)
    assert event_log.read_text().count('"ended"') < 3
    head.start()
    again = start_search(head, tmp_path, "resume=auto")
    out, err = again.communicate(timeout=LONGEST)
    assert again.returncode == 0, err
    assert "Resuming " in out
    assert_same_results(uninterrupted, tmp_path)
    assert (
        count_lost_epochs(list(read_events(tmp_path / "cut"))) == 0
    )  # no epoch anew whose checkpoint was kept


@pytest.mark.parametrize(("silence", "is_lost"), [(0.5, False), (60.0, True)])
def test_a_head_that_comes_back_in_time_is_not_lost(monkeypatch, silence, is_lost):
    """It is probed every 1/16 s of a simulated clock; the limit is 1 s."""
    now, warnings = [0.0], []
    stop_event = SimpleNamespace(wait=lambda seconds: now.append(now[-1] + seconds) or now[-1] > 9)

    def probe(address):
        assert address == "10.0.0.1:6379"
        if 2 < now[-1] < 2 + silence or 5 < now[-1] < 5 + silence:
            raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(head_watchdog, "time", SimpleNamespace(monotonic=lambda: now[-1]))
    monkeypatch.setattr(head_watchdog, "probe_port", probe)
    monkeypatch.setattr(head_watchdog, "HEAD_TIMEOUT", 1.0)
    monkeypatch.setattr(head_watchdog, "POLL_SECONDS", 0.0625)
    lost = head_watchdog.wait_until_lost("10.0.0.1:6379", None, stop_event, warnings.append)
    assert lost == ("the head node of the Ray cluster, 10.0.0.1:6379, is gone" if is_lost else "")
    assert now[-1] == (3.0625 if is_lost else 9.0625)  # answers at 2; 1 + 1/16 is the first above 1
    assert len(warnings) == (1 if is_lost else 2)


def test_a_raylet_that_has_died_is_lost_at_once(monkeypatch):
    """A killed child is a zombie until its parent asks for its exit status."""
    monkeypatch.setattr(head_watchdog, "probe_port", lambda address: None)
    monkeypatch.setattr(head_watchdog, "POLL_SECONDS", 0.01)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert head_watchdog.is_alive(process.pid)
    process.kill()
    words = "10.0.0.1:6379", process.pid, threading.Event(), pytest.fail
    reason = head_watchdog.wait_until_lost(*words)
    assert reason == f"Ray's process on this machine (raylet, process {process.pid}) has died"
    process.communicate()
    assert not head_watchdog.is_alive(process.pid)


@pytest.mark.slow
def test_a_study_ends_and_is_resumed_after_its_raylet_was_killed(uninterrupted, tmp_path):
    words = [*WORDS, "trials=3", f"results={tmp_path}", "name=cut"]
    command = [sys.executable, "-m", "tuner.search", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_report(process, tmp_path / "cut" / EVENT_LOG_FILE)
    (raylet,) = [
        child for child in psutil.Process(process.pid).children() if child.name() == "raylet"
    ]
    raylet.kill()
    out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 1, err
    assert f"(raylet, process {raylet.pid}) has died" in out
    assert "Traceback" not in out + err
    assert search(tmp_path, *WORDS, "trials=3", "resume=auto", name="cut").returncode == 0
    assert_same_results(uninterrupted, tmp_path)
