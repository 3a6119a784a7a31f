"""A search as its dashboard, its metrics and its listening sockets show it while it runs."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from tuner.monitoring.prometheus import STUDY_GAUGES, TRIAL_GAUGES

LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
"""127.0.0.1, the same within IPv6, and ::1, as Linux lists them."""
TIMEOUT = 150
"""Seconds; Ray on two busy cores takes half a minute to start and another for two trials."""
SMALL = ["data.validation=60", "data.limit=120", "attack.steps=1", "exam.steps=1", "epochs=400"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's list of sockets"),
]


def wait_for(condition):
    """Call `condition` until it returns a true value, and return that; ignore its errors."""
    for _ in range(TIMEOUT * 2):
        try:
            if found := condition():
                return found
        except (OSError, LookupError):
            pass
        time.sleep(0.5)
    pytest.fail(f"not seen within {TIMEOUT} s")


def fetch_text(address):
    file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()
    token = {"Authorization": f"Bearer {file.read_text().strip()}"} if file.exists() else {}
    with urllib.request.urlopen(urllib.request.Request(address, headers=token), timeout=30) as page:
        return page.read().decode()


def actors(dashboard):
    found = json.loads(fetch_text(f"{dashboard}/api/v0/actors?detail=true"))["data"]["result"][
        "result"
    ]
    return [each["repr_name"] for each in found if each["state"] == "ALIVE" and each["repr_name"]]


def samples(dashboard):
    """Return the values of our gauges by name, trial or status, once every one of them is there."""
    found = {}
    for target in json.loads(fetch_text(f"{dashboard}/api/prometheus/sd"))[0]["targets"]:
        for name, tags, value in re.findall(
            r"^ray_(attuner_\w+){(.*)} (\S+)$", fetch_text(f"http://{target}"), re.M
        ):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', tags))
            assert labels["study"] == "study"
            found[name, labels.get("trial") or labels.get("status")] = float(value)
    return found if {name for name, _ in found} == {*TRIAL_GAUGES, *STUDY_GAUGES} else None


def process_tree(pid):
    """Return the identifiers of a process and of all its descendants."""
    found = [str(pid)]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += process_tree(child)
    return found


def listening(pid):
    """Return the addresses, in hexadecimal, at which a process or a descendant listens."""
    sockets = set()
    for each in process_tree(pid):
        for file in Path(f"/proc/{each}/fd").glob("*"):
            try:
                sockets.add(os.readlink(file))
            except OSError:
                continue  # closed in the meantime
    found = []
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = row.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in sockets:
                found.append(local.partition(":")[0])
    return found


@pytest.fixture(scope="module")
def only_dashboard(tmp_path_factory):
    """Let no other test process run a dashboard: Ray lists the metrics of a machine in one file."""
    with (tmp_path_factory.getbasetemp().parent / "dashboard.lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def observed(tmp_path_factory, only_dashboard):
    """Run a search that would take hours, record what it shows, then end it."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "loud.py").write_text(
        '"""Says what it does."""\n'
        "from trainables.methods.pgd_at import inner as inner\n"
        "from trainables.methods.pgd_at import outer as quiet\n"
        "def outer(model, x, x_adv, y, *, criterion):\n"
        "    print('so many images:', len(x), flush=True)\n"
        "    return quiet(model, x, x_adv, y, criterion=criterion)\n"
    )
    words = [f"method={folder / 'loud.py'}", "optimizer.weight_decay=choice(5e-4,1e-3)", *SMALL]
    words += ["scheduler=none", "searcher=random", "trials=1", "dashboard=true"]
    words += [f"results={folder}", "name=study"]
    log = folder / "log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "tuner.search", *words]
        quick = os.environ | {"RAY_metrics_report_interval_ms": "1000"}
        running = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=quick)
        try:
            messages = wait_for(
                lambda: re.search(r"Dashboard: (http://127.0.0.1:\d+);", log.read_text())
            )
            found = {
                "actors": wait_for(lambda: actors(messages[1])),
                "samples": wait_for(lambda: samples(messages[1])),
                "listening": listening(running.pid),
            }
        finally:
            running.send_signal(signal.SIGINT)
            status = running.wait(TIMEOUT)
    return SimpleNamespace(**found, status=status, folder=folder / "study", log=log.read_text())


def test_a_trial_stands_on_the_dashboard_by_its_number_and_knobs(observed):
    (name,) = observed.actors
    assert re.fullmatch(r"study trial 0000 optimizer\.weight_decay=0\.00(05|1)", name)


def test_every_gauge_can_be_scraped(observed):
    assert {trial for name, trial in observed.samples if name in TRIAL_GAUGES} == {"0000"}
    assert observed.samples["attuner_study_trials", "running"] == 1
    assert observed.samples["attuner_epoch", "0000"] >= 1
    robust, best = "attuner_robust_accuracy", "attuner_best_robust_accuracy"
    assert 0 <= observed.samples[robust, "0000"] <= observed.samples[best, "0000"] <= 1


def test_nothing_listens_to_other_machines(observed):
    assert len(observed.listening) > 5, "not even Ray was found"
    assert set(observed.listening) <= LOOPBACK


def test_what_a_trial_prints_is_kept(observed):
    assert observed.status == 130, observed.log
    text = (observed.folder / "trials/1/0000/output.txt").read_text()
    assert "so many images: " in text
    assert (observed.folder / "tensorboard/0000").is_dir()
