"""A real search in a terminal of 24 lines of 80 columns, and in a pipe as JSON."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.tuner.monitoring.test_json_log import read_events

COMMAND = [sys.executable, "-m", "tuner.search", "space=weight_decay", "trials=2", "epochs=1"]
SMALL = ["scheduler=none", "data.limit=200", "data.validation=50", "tracker=none", "name=study"]
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
pytestmark = pytest.mark.slow


def read_terminal(terminal):
    """Return what is written to a terminal until its last user has closed it."""
    chunks = []
    try:
        while chunk := os.read(terminal, 65536):
            chunks.append(chunk)
    except OSError:  # Linux's end of a terminal
        pass
    return b"".join(chunks).decode()


def test_a_terminal_shows_the_table_and_then_the_summary(tmp_path):
    terminal, device = pty.openpty()
    fcntl.ioctl(device, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    search = subprocess.Popen(
        [*COMMAND, *SMALL, f"results={tmp_path}"],
        stdin=device,
        stdout=device,
        stderr=device,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(device)
    text = read_terminal(terminal)
    assert search.wait() == 0, text
    assert "Loading PyTorch and Ray" in text
    assert "CPU cores" in text
    table, _, summary = text.rpartition("Done after ")
    assert "waiting for the first trial to start" in table
    assert re.search(r"best so far: trial 000\d, robust", table)
    assert "Winner: trial 000" in summary
    assert text.rindex(SHOW_CURSOR) > text.rindex(HIDE_CURSOR)
    assert HIDE_CURSOR not in summary


def test_a_pipe_gets_json_and_no_escape_codes(tmp_path):
    done = subprocess.run(
        [*COMMAND, *SMALL, f"results={tmp_path}", "log=json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    events = read_events(done.stdout)
    assert next(event["event"] for event in events if event["event"] != "message") == "study"
    assert (events[-1]["event"], events[-1]["outcome"]) == ("end", "done")
    assert events[-1]["results"] == str(tmp_path / "study")
    last = [event for event in events if event["event"] == "trial"][-1]
    assert (last["ended"], last["planned"]) == (2, 2)
    assert last["images_per_second"] is None  # no trial runs any more
    assert any(event.get("images_per_second") for event in events)
