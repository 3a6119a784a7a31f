"""The live table at many sizes of the window, its throughput, and the load of GPUs."""

import io
import os

import pytest

from tests.oracles import make_report
from trainables.training.fidelity import Level
from tuner.cli.console import SafeConsole
from tuner.monitoring import gpu_usage
from tuner.monitoring.display import show_progress
from tuner.monitoring.gpu_usage import GpuUsage, read_usage, watch_gpus
from tuner.monitoring.line_log import LineLog
from tuner.monitoring.live_table import LiveTable
from tuner.monitoring.throughput import measure_images_per_second
from tuner.state.study import StudyProgress
from tuner.state.trial import Record

SIZES = [(width, height) for width in (40, 80, 120, 200) for height in (24, 50)]
N_RUNNING = 3
METHOD = "/home/someone/methods/a_long_name_of_a_method.py"


def make_record(number):
    """Return a trial; the first three run, and one of them has not reported yet."""
    knobs = {
        "optimizer.weight_decay": 10.0 ** -(2 + number / 8),
        "method": METHOD,
        "method.beta": 6.0 + number,
    }
    status = "running" if number < N_RUNNING else ["completed", "stopped", "failed"][number % 3]
    epochs = {"completed": 7, "failed": 0}.get(status, 2 if number else 0)
    reports = [make_report(epoch, (number + epoch) / 100) for epoch in range(1, epochs + 1)]
    checkpoint = "there" if reports else ""
    return Record(f"{number:04d}", knobs, 0, {}, reports, status, "", checkpoint)


@pytest.fixture
def progress():
    """Return a study of 60 trials; trial 0057, which is complete, is the best."""
    progress = StudyProgress(trials=80, levels=(Level(7),), concurrency=N_RUNNING)
    progress.records = {f"{n:04d}": make_record(n) for n in range(60)}
    progress.train_images = {"": 4000}
    progress.read_position = {"0000": (0, 0.5), "0001": (0, 2.25)}.get
    return progress


def render(progress, width, height, *, wide=False, usage=None):
    console = SafeConsole(
        file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None
    )
    console.print(LiveTable(progress, console, lambda: usage, wide=wide).render())
    return console.file.getvalue()


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("wide", [False, True])
def test_the_table_fits_the_window(progress, width, height, wide):
    lines = render(progress, width, height, wide=wide).splitlines()
    assert len(lines) < height  # the cursor is on the last line
    assert len(lines) >= height - 4  # the row of a trial and its knobs are up to four lines
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_running_trials_and_the_best_are_shown_and_the_others_counted(progress, width, height):
    text = render(progress, width, height)
    best, _, table = text.partition("\n\n")
    assert best.startswith("best so far: trial 0057, robust 64.0 %")
    first, *rows = [line for line in table.splitlines()[1:] if line[:4].isdigit()]
    shown = [row.split()[0] for row in (first, *rows)]
    assert shown[: N_RUNNING + 1] == ["0000", "0001", "0002", "0057"]
    assert f"and {60 - len(shown)} more: " in table
    for word in ("running", "0/7", "2/7", "7/7", "64.0"):
        assert word in table


@pytest.mark.parametrize("width", [80, 120, 200])
def test_at_80_columns_the_main_columns_and_a_knob_are_shown(progress, width):
    lines = render(progress, width, 24).splitlines()
    heading = next(line for line in lines if line.startswith("trial"))
    row = next(line for line in lines if line.startswith("0000"))
    assert heading.split()[:9] == [
        "trial",
        "status",
        "epoch",
        "clean",
        "%",
        "robust",
        "%",
        "best",
        "%",
    ]
    assert "weight_decay" in heading
    assert "━━╸" in row or "━━ " in row  # half of five columns
    assert "0.01" in row
    assert ("at" in heading.split()) == (METHOD[-8:] in row) == (width > 80)


def test_wide_shows_all_knobs_whole(progress):
    text = render(progress, 120, 24, wide=True)
    assert f"optimizer.weight_decay=0.01 · method={METHOD} · method.beta=6" in text
    assert METHOD not in render(progress, 80, 24).partition("\n\n")[2]


def test_images_per_second_are_those_of_the_last_epochs_of_running_trials(progress):
    """Two of three trials have reported epochs of 2 s: (4000 / 2 + 4000 / 2) * 3 / 2."""
    assert measure_images_per_second(progress) == pytest.approx(6000.0)
    assert "6,000 images/s" in render(progress, 80, 24)
    progress.train_images = {}
    assert measure_images_per_second(progress) is None
    assert "images/s" not in render(progress, 80, 24)


def test_the_load_of_gpus_is_shown(progress):
    usage = GpuUsage(number=2, busy=91.6, used=41 * 1024, total=160 * 1024)
    assert "2 GPUs 92 % busy, 41 of 160 GiB" in render(progress, 80, 24, usage=usage)


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Put a program in place of nvidia-smi that reports two GPUs, or the one that is asked for."""
    program = tmp_path / "nvidia-smi"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--id=1*) ;; *) echo "80, 1024, 81920" ;; esac\n'
        'echo "20, 3072, 81920"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return program


def test_the_load_is_read_from_nvidia_smi(nvidia_smi, monkeypatch):
    both = GpuUsage(number=2, busy=50.0, used=4096.0, total=163840.0)
    assert read_usage() == both
    monkeypatch.setattr(gpu_usage, "POLL_SECONDS", 0.01)
    with watch_gpus(wanted=True) as read:
        while read() is None:
            pass
        assert read() == both
    with watch_gpus(wanted=False) as read:
        assert read() is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert read_usage() == GpuUsage(number=1, busy=20.0, used=3072.0, total=81920.0)
    nvidia_smi.write_text("#!/bin/sh\nexit 9\n")
    assert read_usage() is None


@pytest.mark.parametrize(
    ("options", "log", "is_live"),
    [
        ({"force_terminal": True}, "auto", True),
        ({"force_terminal": True}, "wide", True),
        ({"force_terminal": True}, "lines", False),
        ({"force_terminal": True, "_environ": {"TERM": "dumb"}}, "auto", False),
        ({"_environ": {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}}, "auto", False),
    ],
)
def test_only_a_terminal_gets_a_live_table(progress, options, log, is_live):
    console = SafeConsole(file=io.StringIO(), width=80, height=24, **options)
    with show_progress(progress, console, log) as shown:
        assert isinstance(shown, LiveTable if is_live else LineLog)
        shown.on_trial_change(progress.records["0001"])
    assert ("\x1b[" in console.file.getvalue()) == is_live


def test_lines_are_never_cut(progress):
    progress.records["0005"].error = "ValueError: two\nlines"
    progress.records["0005"].knobs["method"] = METHOD * 4
    console = SafeConsole(file=io.StringIO(), width=40)
    with show_progress(progress, console) as shown:
        shown.on_trial_change(progress.records["0005"])
    line, _ = console.file.getvalue().splitlines()  # and one of the time left
    assert f"method={METHOD * 4}  method.beta=11  ValueError: two lines  | 57/80 ended" in line
