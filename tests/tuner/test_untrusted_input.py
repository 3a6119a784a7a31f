"""Untrusted files are never unpickled, and are reported in one line."""

import os
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
import yaml

from analysis.report.__main__ import main as report
from trainables.training import checkpoint
from tuner.evaluate import main as evaluate
from tuner.evaluation import table
from tuner.export import main as export
from tuner.search import main as search
from tuner.storage import results_folder
from tuner.train import main as train

QUICK = ["suite=fgsm", "images=60"]
BEST = f"best/{checkpoint.WEIGHTS_FILE}"
STATE = f"trials/0000/{checkpoint.STATE_FILE}"
PICKLES = ("pickle.load", "Unpickler", "weights_only=False", "allow_pickle=True", "unsafe_load")


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def pickled(file, marker):
    file.write_bytes(pickle.dumps(Trap(marker)))


def saved(file, marker):
    torch.save({"level": 0, "epoch": 1, "examined": Trap(marker)}, file)


def tagged(file, marker):
    file.write_text(f"study: !!python/object/apply:os.mkdir ['{marker}']\n")


def listed(file, marker):
    np.savez(
        file, **{f"{k}_{s}": np.array([Trap(marker)]) for k in "xy" for s in ("train", "test")}
    )


def extended(file, marker):
    """A column of a type that pyarrow once unpickled (CVE-2023-47248)."""
    about = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Trap(marker)),
    }
    field = pa.field("trial_id", pa.int64(), metadata=about)
    pyarrow.parquet.write_table(pa.table([pa.array([0])], schema=pa.schema([field])), file)


def described(file, marker):
    """What pandas believes of a table, and cannot parse."""
    known = {b"pandas": b'{"index_columns": [3], "columns": "x"}'}
    contents = pyarrow.parquet.read_table(file)
    pyarrow.parquet.write_table(contents.replace_schema_metadata(known), file)


@pytest.mark.parametrize(
    ("trap", "run"),
    [
        (pickled, lambda file: pickle.loads(file.read_bytes())),
        (saved, lambda file: torch.load(file, weights_only=False)),
        (tagged, lambda file: yaml.unsafe_load(file.read_text())),
        (listed, lambda file: np.load(file, allow_pickle=True)["x_train"]),
    ],
)
def test_the_traps_work(trap, run, tmp_path, marker):
    trap(tmp_path / "trap.npz", marker)
    run(tmp_path / "trap.npz")
    assert marker.is_dir()


def with_weights(folder):
    (folder / "net.pt").write_bytes((folder / BEST).read_bytes())
    about = ["model=small_cnn", "data=mnist5k", "threat=linf", "threat.eps=0.1"]
    return evaluate([f"weights={folder / 'net.pt'}", *about, *QUICK, f"results={folder}"])


CASES = [
    (BEST, pickled, lambda f: evaluate([str(f), *QUICK])),
    (BEST, saved, lambda f: evaluate([str(f), *QUICK])),
    (BEST, saved, lambda f: export([str(f)])),
    (BEST, pickled, with_weights),
    (BEST, saved, with_weights),
    (STATE, pickled, lambda f: evaluate([str(f), *QUICK, "rules=last_epoch"])),
    (STATE, saved, lambda f: evaluate([str(f), *QUICK, "rules=last_epoch"])),
    ("best/config.yaml", tagged, lambda f: evaluate([str(f), *QUICK])),
    ("best/config.yaml", tagged, lambda f: export([str(f)])),
    ("best/config.yaml", tagged, lambda f: train([f"config={f / 'best/config.yaml'}"])),
    ("trials.parquet", pickled, lambda f: evaluate([str(f), *QUICK, "top=2"])),
    ("trials.parquet", extended, lambda f: evaluate([str(f), *QUICK, "top=2"])),
    ("evaluation.parquet", pickled, lambda f: evaluate([str(f), *QUICK])),
    ("evaluation.parquet", extended, lambda f: evaluate([str(f), *QUICK])),
    ("trials.parquet", described, lambda f: evaluate([str(f), *QUICK, "top=2"])),
    ("trials.parquet", described, lambda f: search(["space=weight_decay", f"replay={f}"])),
    ("VERDICT", pickled, lambda f: evaluate([str(f), *QUICK])),
    ("search.yaml", tagged, lambda f: search(["space=weight_decay", f"warm_start={f}"])),
    ("search.yaml", tagged, lambda f: search(["space=weight_decay", f"replay={f}"])),
    ("trials.parquet", extended, lambda f: search(["space=weight_decay", f"replay={f}"])),
    (
        "search.yaml",
        tagged,
        lambda f: search([
            "space=weight_decay",
            f"results={f.parent}",
            "name=study",
            "resume=auto",
        ]),
    ),
    ("images.npz", listed, lambda f: train(["data=arrays", f"data.path={f / 'images.npz'}"])),
]


@pytest.mark.parametrize(("name", "trap", "command"), CASES)
def test_nothing_that_lies_in_a_file_is_run(name, trap, command, folder, marker, capsys):
    (verdict,) = (folder / table.STATE_FOLDER).glob("*.safetensors")
    trap(verdict if name == "VERDICT" else folder / name, marker)
    capsys.readouterr()
    assert command(folder) == 2
    message = capsys.readouterr().err
    assert message.startswith("1 problem:"), message
    assert len(message.splitlines()) == 2, message
    assert "weights_only" not in message, "torch's advice is to run it"
    assert not marker.exists()


@pytest.mark.parametrize("trap", [pickled, saved])
def test_a_state_that_would_run_is_no_checkpoint(trap, folder, marker):
    assert checkpoint.checkpoint_position(folder / "trials/0000") is not None
    trap(folder / STATE, marker)
    assert checkpoint.checkpoint_position(folder / "trials/0000") is None
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "trap"),
    [
        ("search.yaml", tagged),
        ("trials.parquet", pickled),
        ("epochs.parquet", extended),
        ("trials.parquet", described),
    ],
)
def test_a_report_runs_nothing(name, trap, folder, marker):
    trap(folder / name, marker)
    report([str(folder)])
    assert not marker.exists()


def test_only_what_a_study_itself_has_written_is_unpickled():
    """The error that Ray has just put into its folder; of CMA-ES' state, numbers alone."""
    root = Path(results_folder.__file__).parents[2]
    readers = {
        file.name
        for package in ("tuner", "trainables", "analysis", "search_spaces")
        for file in (root / package).rglob("*.py")
        for word in (
            "pickle.load",
            "weights_only=False",
            "allow_pickle=True",
            "unsafe_load",
            "Unpickler",
        )
        if word in file.read_text()
    }
    assert readers == {"ray_adapters.py", "cmaes.py"}
