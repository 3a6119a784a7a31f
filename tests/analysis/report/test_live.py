"""A study is followed while it changes: its event log, half-written files, and allowed hosts."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from urllib.request import urlopen

import pandas as pd
import pytest

import analysis
from analysis.report.__main__ import main
from analysis.report.live_updates import LiveReport
from analysis.report.running_study import CUT_OFF_STATUS, LiveStatus, add_running_trials
from analysis.report.server import HOST, ReportHandler, ReportServer
from analysis.report.stopped_trials import (
    INTERRUPTED,
    STILL_RUNNING,
    describe_savings,
    group_stopped_trials,
)
from tests.analysis.report.studies import (
    began_line,
    ended_line,
    hold_event_log,
    reported_line,
    trial_row,
    write_small_study_folder,
    write_study_folder,
)
from tuner.layout import EVENT_LOG_FILE

KNOBS = {"optimizer.weight_decay": 1e-3}


@pytest.fixture
def running(tmp_path):
    """Return a study that has just begun: no frames, two trials, three epochs."""
    folder = write_small_study_folder(tmp_path / "s", study={"trials": 3})
    (folder / "trials.parquet").unlink()
    (folder / "epochs.parquet").unlink()
    lines = [
        began_line("0000", KNOBS),
        reported_line("0000", 1, 0.2),
        reported_line("0000", 2, 0.3),
    ]
    lines += [began_line("0001", KNOBS), reported_line("0001", 1, 0.1)]
    (folder / EVENT_LOG_FILE).write_text("".join(lines))
    return folder


def rows(frames):
    return frames.trials.set_index("trial_id")


def test_the_event_log_is_newer_than_the_frames(running):
    with hold_event_log(running):
        frames, pulses = add_running_trials(analysis.load(running))
    assert rows(frames)["status"].tolist() == ["running", "running"]
    assert pulses["s"].describe().startswith("Running: 2")
    assert rows(frames).loc["0000", "val_robust_accuracy"] == 0.3
    assert frames.knobs == ["optimizer.weight_decay"]
    assert len(frames.epochs) == 3
    assert (pulses["s"].n_running, pulses["s"].n_begun, pulses["s"].n_requested) == (2, 2, 3)


def test_a_dead_search_is_not_reported_as_running(running):
    with hold_event_log(running):
        following = LiveReport([str(running)])
        assert following.get_updates("")["state"].startswith("Running: 2")
    following.next_read_at = 0.0  # nothing is written when a search is killed
    news = following.get_updates("")
    assert news["state"].startswith("Ended early: 2 of 3 trials have begun, 2 not ended;")
    assert "resume=auto" in news["state"]
    assert {row["status"] for row in rows(following.frames).to_dict("records")} == {CUT_OFF_STATUS}
    assert list(group_stopped_trials(following.frames)) == [CUT_OFF_STATUS]
    assert following.ended_trials == ()


def test_savings_are_estimated_when_the_search_has_ended(tmp_path):
    """A trial that is paused at a rung is stored as stopped, and may be resumed."""
    folder = write_small_study_folder(tmp_path / "s")
    with hold_event_log(folder):
        assert describe_savings(analysis.load(folder)) == [f"s: {STILL_RUNNING}"]
    assert "1 of 5 trials were stopped" in describe_savings(analysis.load(folder))[0]


def test_nothing_is_said_of_the_savings_of_an_interrupted_search(tmp_path):
    """Six trials began where seven were to; or one that began has not ended."""
    fewer = write_small_study_folder(tmp_path / "fewer", study={"trials": 7})
    assert describe_savings(analysis.load(fewer)) == [f"fewer: {INTERRUPTED}"]
    under_way = write_small_study_folder(tmp_path / "under_way", study={"trials": 6})
    assert "1 of 5 trials were stopped" in describe_savings(analysis.load(under_way))[0]
    (under_way / EVENT_LOG_FILE).write_text(began_line("0004", {}))
    assert describe_savings(analysis.load(under_way)) == [f"under_way: {INTERRUPTED}"]


@pytest.mark.parametrize("sign", [".address", "address"])
def test_a_search_on_another_machine_is_judged_by_its_last_write(running, sign):
    if sign == "address":
        write_small_study_folder(running, study={"trials": 3, "address": "10.0.0.1:6379"})
    else:
        (running / sign).write_text("s3://bucket/s")
    frames, pulses = add_running_trials(analysis.load(running))
    assert pulses["s"].is_alive is None
    assert set(rows(frames).loc[["0000", "0001"], "status"]) == {"running"}
    assert pulses["s"].describe().startswith("Running: 2")


def test_columns_only_in_frames_are_kept(tmp_path):
    folder = write_study_folder(tmp_path / "s", [trial_row("0000", 0.4, knobs=KNOBS, pareto=True)])
    lines = [
        began_line("0000", KNOBS),
        reported_line("0000", 1, 0.4),
        ended_line("0000"),
        began_line("0001", KNOBS),
    ]
    (folder / EVENT_LOG_FILE).write_text("".join(lines))
    frames, _ = add_running_trials(analysis.load(folder))
    assert rows(frames).loc["0000", "pareto"]
    assert pd.isna(rows(frames).loc["0001", "pareto"])
    assert not [problem for problem in frames.problems if "have begun" in problem]


def test_a_study_without_an_event_log_is_unchanged(tmp_path):
    frames, pulses = add_running_trials(analysis.load(write_small_study_folder(tmp_path / "s")))
    assert len(frames.trials) == 6
    assert not pulses
    assert any(EVENT_LOG_FILE in problem for problem in frames.problems)


def test_one_corrupt_event_log_affects_no_other_study(tmp_path, running):
    corrupt = write_small_study_folder(tmp_path / "corrupt")
    (corrupt / EVENT_LOG_FILE).write_text('{"event": "reported", "trial_id": "0000"}\n')
    frames, pulses = add_running_trials(analysis.load(corrupt, running))
    assert list(pulses) == ["s"]
    assert len(frames.trials) == 8
    assert any(problem.startswith(f"corrupt: {EVENT_LOG_FILE}") for problem in frames.problems)


@pytest.mark.parametrize(
    ("alive", "running", "begun", "silence", "said"),
    [
        (None, 2, 2, 5, "Running: 2 trials under way, 2 of 3 have begun; last heard 0:00:05 ago."),
        (None, 2, 2, 99, "Running"),  # an epoch takes 20 s, so that 100 s are no bad sign
        (None, 2, 2, 101, "Nothing heard for 0:01:41"),
        (None, 0, 3, 9999, "Ended: all 3 trials have"),
        (None, 0, 2, 9999, "Nothing heard for 2:46:39"),
        (True, 2, 2, 101, "Nothing heard for 0:01:41; 2 of 3 trials have begun, 2 not ended: it"),
        (True, 0, 3, 5, "Running: 0 trials under way"),  # more seeds may follow
        (False, 0, 3, 5, "Ended: all 3 trials have"),
        (False, 1, 3, 5, "Ended early: 3 of 3 trials have begun, 1 not ended; last heard 0:00:05"),
        (False, 0, 2, 5, "Ended early: 2 of 3 trials have begun, 0 not ended"),
    ],
)
def test_silence_is_measured_in_longest_epochs(alive, running, begun, silence, said):
    pulse = LiveStatus(
        n_running=running,
        n_begun=begun,
        n_requested=3,
        longest_epoch=20.0,
        last_write=1000.0,
        is_alive=alive,
    )
    assert pulse.describe(1000.0 + silence).startswith(said)


def test_an_update_is_sent_once(running):
    following = LiveReport([str(running)])
    first = following.get_updates("")
    assert first["data"]["names"] == ["0000", "0001"]
    assert "data" not in following.get_updates(str(first["version"]))
    with (running / EVENT_LOG_FILE).open("a") as file:
        file.write(reported_line("0001", 2, 0.5))
    following.next_read_at = 0.0
    second = following.get_updates(str(first["version"]))
    values = {each["key"]: each["values"] for each in second["data"]["columns"]}
    assert values["val_robust_accuracy"] == [0.3, 0.5]


def test_half_written_or_deleted_files_do_not_stop_the_server(running):
    following = LiveReport([str(running)])
    (running / "trials.parquet").write_bytes(b"PAR1half")
    with (running / EVENT_LOG_FILE).open("a") as file:
        file.write('{"event": "repo')
    following.next_read_at = 0.0
    assert "trials.parquet cannot be read" in following.get_updates("")["sections"]["problems"]
    away = running.rename(running.with_name("away"))
    following.next_read_at = 0.0
    news = following.get_updates("")
    assert "Cannot be read at the moment" in news["state"]
    assert news["data"]["names"] == ["0000", "0001"]
    away.rename(running)
    (running / "trials.parquet").unlink()
    following.next_read_at = 0.0
    assert "Cannot be read" not in following.get_updates("")["state"]


@pytest.fixture
def server(running):
    with ReportServer((HOST, 0), ReportHandler) as made:
        made.live_report = LiveReport([str(running)])
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def answer(server, path="/", *, host=None, method="GET"):
    connection = http.client.HTTPConnection(HOST, server.server_port, timeout=30)
    name = f"{HOST}:{server.server_port}" if host is None else host
    connection.request(method, path, headers={"Host": name})
    found = connection.getresponse()
    text = found.read().decode()
    connection.close()
    return found, text


def test_the_page_and_its_updates_are_served_locally(server):
    found, text = answer(server)
    assert found.status == 200
    assert "connect-src &#39;self&#39;" in text
    assert found.headers["Cache-Control"] == "no-store"
    found, text = answer(server, "/news?version=", host=f"localhost:{server.server_port}")
    assert json.loads(text)["version"] == 1
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1", "127.0.0.1:1", ""])
def test_other_hosts_are_rejected(server, host):
    assert answer(server, host=host)[0].status == 403


@pytest.mark.parametrize("path", ["/search.yaml", "/../search.yaml", "/news/", "/%2e%2e/"])
def test_no_file_is_served(server, path):
    assert answer(server, path)[0].status == 404


def test_an_invalid_address_is_answered_with_400(server, capsys):
    assert answer(server, "http://[x/")[0].status == 400
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "DELETE", "OPTIONS"])
def test_only_get_is_answered(server, method):
    assert answer(server, method=method)[0].status == 501


@pytest.mark.parametrize(("error", "printed"), [(BrokenPipeError, False), (KeyError, True)])
def test_a_browser_that_closes_its_connection_prints_no_traceback(server, capsys, error, printed):
    try:
        raise error
    except error:
        server.handle_error(None, (HOST, 1))
    assert bool(capsys.readouterr().err) == printed


@pytest.mark.slow
def test_ctrl_c_stops_the_server(running):
    words = [sys.executable, "-u", "-m", "analysis.report", str(running), "live=true"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().split()[0]
    assert address.startswith("http://127.0.0.1:")
    urlopen(address).close()  # it prints before it serves; this waits until it does
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "Interrupted." in out


def test_a_port_in_use_is_rejected(server, running, capsys):
    assert main([str(running), "live=true", f"port={server.server_port}"]) == 2
    assert "cannot be used" in capsys.readouterr().err
