"""Exit status, output and Ctrl-C handling of commands."""

import os
import subprocess
import sys

import pytest

from trainables.errors import InputError
from tuner.cli.command import run_command


def ends(act, capsys, *words):
    status = run_command(
        words, lambda console: console.print("used so"), list, act, interrupt_message="Bye."
    )
    out, err = capsys.readouterr()
    return status, out, err


def test_a_command_without_words_or_with_help_says_how_it_is_used(capsys):
    def act(words, console):
        raise AssertionError

    assert ends(act, capsys) == (2, "used so\n", "")
    assert ends(act, capsys, "x=1", "--help") == (0, "used so\n", "")


def test_a_command_ends_with_what_it_returns(capsys):
    assert ends(lambda words, console: len(words), capsys, "a", "b", "c") == (3, "", "")


def test_exit_status_of_invalid_input_and_of_ctrl_c(capsys):
    def refuse(words, console):
        raise InputError(["x: must be [1], got 2."])

    def interrupt(words, console):
        raise KeyboardInterrupt

    assert ends(refuse, capsys, "x=2") == (2, "", "1 problem:\n  x: must be [1], got 2.\n")
    assert ends(interrupt, capsys, "x=2") == (130, "Bye.\n", "")


@pytest.mark.parametrize("name", ["search", "evaluate", "export"])
def test_ctrl_c_while_a_command_is_imported_leaves_no_traceback(name, tmp_path):
    """A pandas that is interrupted while it is imported stands for all that takes seconds."""
    (tmp_path / "pandas.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
    )
    (tmp_path / "optuna.py").symlink_to(tmp_path / "pandas.py")
    done = subprocess.run(
        [sys.executable, "-m", f"tuner.{name}", "--help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_what_the_terminal_has_no_letters_for_is_written_out():
    code = (
        "import sys\n"
        "from tuner.cli.command import run_command\n"
        "act = lambda words, console: console.print('78.2 \u00b1 1 %')\n"
        "sys.exit(run_command(['x'], print, list, act))"
    )
    words, env = [sys.executable, "-c", code], {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("78.2 \\xb1 1 %\n", "")


def test_ctrl_c_is_an_exception_again_once_a_command_runs():
    code = (
        "import os, signal, sys; sys.argv = ['-m']\n"
        "from tuner.cli.command import run_command\n"
        "def act(words, console): os.kill(os.getpid(), signal.SIGINT); signal.pause()\n"
        "sys.exit(run_command(['x'], print, list, act, interrupt_message='Bye.'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (130, "Bye.\n")


def test_importing_the_package_keeps_the_sigint_handler():
    code = "import signal, tuner; print(signal.getsignal(2) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
