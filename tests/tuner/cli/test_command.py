"""Exit status, output and Ctrl-C handling of commands."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from trainables.errors import InputError
from trainables.hparams.ranges import Count
from tuner.cli.command import Command
from tuner.cli.run import run_command
from tuner.cli.schema import build_vocabulary


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Keys of a command.

    Attributes:
        x: A number.
    """

    x: Count = 1


COMMAND = Command(
    name="try",
    introduction="used so",
    vocabulary=build_vocabulary(Keys),
    schemas=(Keys,),
    interrupt_message="Bye.",
)


def ends(act, capsys, *words):
    status = run_command(words, COMMAND, act)
    out, err = capsys.readouterr()
    return status, out, err


def test_a_command_without_words_or_with_help_says_how_it_is_used(capsys):
    def act(line, console):
        raise AssertionError

    usage = (
        "used so\n\nKeys  KEY=VALUE\n  x           A number.\n\n"
        "More: attuner try --help TOPIC. Topics are\n  keys, all\n"
    )
    assert ends(act, capsys) == (2, usage, "")
    assert ends(act, capsys, "x=1", "--help") == (0, usage, "")


def test_a_command_ends_with_what_it_returns(capsys):
    assert ends(lambda line, console: len(line.folders), capsys, "a", "b", "c") == (3, "", "")


def test_exit_status_of_invalid_input_and_of_ctrl_c(capsys):
    def refuse(line, console):
        raise InputError(["x: must be [1], got 2."])

    def interrupt(line, console):
        raise KeyboardInterrupt

    assert ends(refuse, capsys, "x=2") == (2, "", "1 problem:\n  x: must be [1], got 2.\n")
    assert ends(interrupt, capsys, "x=2") == (130, "Bye.\n", "")


@pytest.mark.parametrize(
    "command", ["tuner.search", "tuner.evaluate", "tuner.attuner search", "tuner.attuner export"]
)
def test_ctrl_c_while_a_command_is_imported_leaves_no_traceback(command, tmp_path):
    """A pandas that is interrupted while it is imported stands for all that takes seconds."""
    (tmp_path / "pandas.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
    )
    (tmp_path / "optuna.py").symlink_to(tmp_path / "pandas.py")
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), f"name={tmp_path.name}"],
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
        "from tuner.cli.run import run_command\n"
        "from tests.tuner.cli.test_command import COMMAND\n"
        "act = lambda line, console: console.print('78.2 \u00b1 1 %')\n"
        "sys.exit(run_command(['x=1'], COMMAND, act))"
    )
    words, env = [sys.executable, "-c", code], {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("78.2 \\xb1 1 %\n", "")


def test_ctrl_c_is_an_exception_again_once_a_command_runs():
    code = (
        "import os, signal, sys; sys.argv = ['-m']\n"
        "from tuner.cli.run import run_command\n"
        "from tests.tuner.cli.test_command import COMMAND\n"
        "def act(line, console): os.kill(os.getpid(), signal.SIGINT); signal.pause()\n"
        "sys.exit(run_command(['x=1'], COMMAND, act))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (130, "Bye.\n")


def test_importing_the_package_keeps_the_sigint_handler():
    code = "import signal, tuner; print(signal.getsignal(2) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
