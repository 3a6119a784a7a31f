"""The wheel and the source distribution work outside of a checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("tuner", "trainables", "search_spaces", "analysis")
SMALL = [
    *("space=weight_decay", "trials=2", "epochs=1", "concurrency=1", "tracker=none"),
    *("data.limit=200", "data.validation=50", "attack.steps=1", "exam.steps=1", "name=small"),
]


def run(words: list[str], cwd: Path, **options: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | options
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the source distribution and, from it, the wheel; return the wheel."""
    if not shutil.which("uv"):
        pytest.skip("there is no uv")
    folder = tmp_path_factory.mktemp("dist")
    run(["uv", "build", "--quiet", "--out-dir", str(folder), str(ROOT)], folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Return a virtual environment with the wheel; it finds dependencies in that of the tests."""
    folder = tmp_path_factory.mktemp("venv") / "venv"
    run(["uv", "venv", "--quiet", "--python", sys.executable, str(folder)], folder.parent)
    install = ["uv", "pip", "install", "--quiet", "--no-deps", str(wheel)]
    run(install, folder.parent, VIRTUAL_ENV=str(folder))
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder


@pytest.mark.slow
def test_the_wheel_has_every_file_of_the_packages(wheel):
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    held = set(zipfile.ZipFile(wheel).namelist())
    assert set(listed.stdout.split()) <= held
    assert {f"{each}/py.typed" for each in PACKAGES} <= held


@pytest.mark.slow
def test_the_installed_program_searches_in_an_empty_folder(environment, tmp_path):
    attuner = str(environment / "bin" / "attuner")
    code = "import tuner, analysis, trainables, search_spaces; print(tuner.__file__)"
    where = run([str(environment / "bin" / "python"), "-c", code], tmp_path).stdout
    assert Path(where.strip()).is_relative_to(environment)
    assert "attuner search" in run([attuner, "--help"], tmp_path).stdout
    assert "cutout" in run([attuner, "search", "--help", "spaces"], tmp_path).stdout
    assert "_attuner" in run([attuner, "completion", "bash"], tmp_path).stdout
    assert "Winner: trial" in run([attuner, "search", *SMALL], tmp_path).stdout
    run([attuner, "report", "results/small"], tmp_path)
    assert (tmp_path / "results/small/report.html").stat().st_size > 10_000
    assert "Table 4" in run([attuner, "tables", "paper=bag_of_tricks"], tmp_path).stdout
