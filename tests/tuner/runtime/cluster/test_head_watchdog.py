"""A cluster of one node, all of which is killed in the middle of a search, and started again."""

import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from benchmarks.cluster import count_lost_epochs
from benchmarks.local_cluster import start_cluster
from tests.tuner.runtime import test_faults
from tests.tuner.runtime.test_faults import WORDS, same_as
from tests.tuner.test_search import frames
from tuner.layout import EVENT_LOG_FILE
from tuner.runtime.cluster import head_watchdog
from tuner.storage.event_reader import read_events

whole = test_faults.whole
HEAD = r"the head node of the Ray cluster, \S+:\d+,"
LONGEST = 200.0
"""Seconds for what takes ten."""


@pytest.fixture
def head():
    with start_cluster(nodes=1) as running:
        yield running


def searching(head, tmp_path, *words):
    """Start the command in a process of its own, on a cluster."""
    words = [*WORDS, "trials=3", "gpu=0", f"address={head.address}", *words]
    command = [sys.executable, "-m", "tuner.search", *words, f"results={tmp_path}", "name=cut"]
    return subprocess.Popen(
        command, env=head.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def reporting(process, journal):
    """Wait until a trial has reported, once more than before."""
    until = time.monotonic() + LONGEST
    before = journal.read_text().count('"reported"') if journal.exists() else 0
    while not (journal.exists() and journal.read_text().count('"reported"') > before):
        assert time.monotonic() < until
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.slow
def test_a_study_goes_on_after_the_head_of_its_cluster_was_killed(whole, tmp_path, head):
    """The driver ends by itself and says how to go on; the second time it dies with the head."""
    journal = tmp_path / "cut" / EVENT_LOG_FILE
    process = searching(head, tmp_path)
    reporting(process, journal)
    head.kill()
    out, err = process.communicate(timeout=LONGEST)
    assert journal.read_text().count('"ended"') < 3
    assert process.returncode == 1
    assert re.search(f"caution: {HEAD} does not answer .*Connection refused", out)
    assert re.search(f"Stopped early: {HEAD} is gone. .* with resume=auto.$", out.rstrip())
    assert "Traceback" not in out + err
    assert "GCS" not in err
    assert frames(tmp_path, "cut")[0].status.tolist() == ["stopped"]
    head.start()
    process = searching(head, tmp_path, "resume=auto")
    reporting(process, journal)
    head.kill()
    process.kill()
    process.communicate(timeout=LONGEST)
    assert journal.read_text().count('"ended"') < 3
    head.start()
    again = searching(head, tmp_path, "resume=auto")
    out, err = again.communicate(timeout=LONGEST)
    assert again.returncode == 0, err
    assert "Resuming " in out
    same_as(whole, tmp_path)
    assert (
        count_lost_epochs(list(read_events(tmp_path / "cut"))) == 0
    )  # no epoch anew whose checkpoint was kept


@pytest.mark.parametrize(("away", "gone"), [(0.5, False), (60.0, True)])
def test_a_head_that_comes_back_in_time_is_not_lost(monkeypatch, away, gone):
    """It is knocked at every 1/16 s of a clock of its own, and waited for for 1 s."""
    now, said = [0.0], []
    over = SimpleNamespace(wait=lambda seconds: now.append(now[-1] + seconds) or now[-1] > 9)

    def knock(address):
        assert address == "10.0.0.1:6379"
        if 2 < now[-1] < 2 + away or 5 < now[-1] < 5 + away:
            raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(head_watchdog, "time", SimpleNamespace(monotonic=lambda: now[-1]))
    monkeypatch.setattr(head_watchdog, "probe_port", knock)
    monkeypatch.setattr(head_watchdog, "HEAD_TIMEOUT", 1.0)
    monkeypatch.setattr(head_watchdog, "POLL_SECONDS", 0.0625)
    assert head_watchdog.wait_until_lost("10.0.0.1:6379", over, said.append) is gone
    assert now[-1] == (3.0625 if gone else 9.0625)  # heard at 2; 1 + 1/16 is the first above 1
    assert len(said) == (1 if gone else 2)
