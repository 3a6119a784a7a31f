"""The console escapes control characters in untrusted text."""

import io

from rich.table import Table
from rich.text import Text

from trainables.training.fidelity import Level
from tuner.cli.console import SafeConsole, escape_controls
from tuner.monitoring.line_log import LineLog
from tuner.monitoring.summary import print_summary
from tuner.monitoring.trials_table import trials_table
from tuner.search import main
from tuner.state.study import StudyProgress
from tuner.state.trial import Record

HOSTILE = "\x1b]0;mine\x07\x1b[2J\x9b31m\rx\u202ey"
SHOWN = r"\x1b]0;mine\x07\x1b[2J\x9b31m\rx\u202ey"


def printed(show, **settings):
    console = SafeConsole(file=io.StringIO(), width=200, **settings)
    show(console)
    return console.file.getvalue()


def test_controls_are_written_out_and_letters_are_not():
    assert escape_controls(HOSTILE) == SHOWN
    assert escape_controls("ε = 8/255\n\tdone 猫") == "ε = 8/255\n\tdone 猫"


def test_lines_cells_and_titles_are_harmless():
    def show(console):
        console.print(HOSTILE, soft_wrap=True)
        rows = Table(title=Text(HOSTILE))
        rows.add_column(HOSTILE, no_wrap=True)
        rows.add_row(HOSTILE)
        rows.add_row(Text(HOSTILE))
        console.print(rows)

    text = printed(show)
    assert text.count(r"\x1b]0;mine") == 5
    assert not set(text) & set("\x1b\x07\x9b\r\u202e")


def test_lines_are_wrapped_in_a_terminal_only():
    text = " ".join(["word"] * 60)
    assert printed(lambda console: console.print(text)) == f"{text}\n"
    wrapped = printed(lambda console: console.print(text), force_terminal=True)
    assert [len(line) for line in wrapped.splitlines()] == [200, 99]  # with the space at the break


def test_colours_are_still_rich_own():
    text = printed(lambda c: c.print(Text(HOSTILE, style="red")), force_terminal=True)
    assert text.startswith("\x1b[31m")
    assert r"\x1b[2J" in text
    assert "\x1b[2J" not in text


def test_what_a_trial_raised_cannot_move_the_cursor(tmp_path):
    progress = StudyProgress(trials=1, levels=(Level(2),), concurrency=1)
    failed = Record("0000", {HOSTILE: HOSTILE}, 0, {}, [], "failed", HOSTILE)
    progress.records["0000"] = failed
    for show in (
        lambda c: LineLog(progress, c).on_trial_change(failed),
        lambda c: c.print(trials_table(progress)),
        lambda c: print_summary(c, progress, tmp_path / HOSTILE, interrupted=False),
    ):
        text = printed(show)
        assert not set(text) & set("\x1b\x07\x9b\r\u202e")
        assert "x1b" in text


def test_an_error_message_is_escaped(capsys):
    assert main([f"space=weight_decay{HOSTILE}"]) == 2
    message = capsys.readouterr().err
    assert "x1b[2J" in message
    assert not set(message) & set("\x1b\x07\x9b\r\u202e")
