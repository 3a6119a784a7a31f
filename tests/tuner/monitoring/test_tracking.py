"""What trackers logged, read by their readers or from their files."""

import importlib.util
import inspect
import struct
import time

import pytest

from tests.oracles import make_report
from trainables.hparams import registry
from tuner.config.settings import TRACKERS_PACKAGE
from tuner.monitoring import tracking
from tuner.monitoring.tracking import TrackerSet, check_trackers
from tuner.search import main
from tuner.state.trial import Record

ROBUST = "val_robust_accuracy"


def record(*robust, status="running"):
    reports = [make_report(epoch, value) for epoch, value in enumerate(robust, start=1)]
    return Record("0000", {"optimizer.lr": 0.5, "model": "lenet"}, 0, {}, reports, status)


def log_trial(folder, *records, trackers):
    """Log a trial as one process does; return the warnings."""
    warnings = []
    tracker_set = TrackerSet(trackers, folder, warnings.append)
    for each in records:
        tracker_set.on_trial_change(each)
    tracker_set.close()
    return warnings


def events(folder):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(folder / "tensorboard/0000"))
    return found.Reload()


def curve(folder):
    return [(each.step, each.value) for each in events(folder).Scalars(ROBUST)]


def test_tensorboard_has_a_run_a_trial_with_its_knobs(tmp_path):
    tracker_set = [record(), record(0.25), record(0.25, 0.5, status="completed")]
    assert log_trial(tmp_path, *tracker_set, trackers=["tensorboard"]) == []
    assert curve(tmp_path) == [(1, 0.25), (2, 0.5)]
    plugin = pytest.importorskip("tensorboard.plugins.hparams.plugin_data_pb2")
    kept = events(tmp_path).summary_metadata["_hparams_/session_start_info"].plugin_data.content
    knobs = plugin.HParamsPluginData.FromString(kept).session_start_info.hparams
    assert knobs["optimizer.lr"].number_value == 0.5
    assert knobs["model"].string_value == "lenet"


def test_no_step_is_written_twice_when_a_study_is_resumed(tmp_path):
    """The first process died with three epochs logged, of which only one is in a checkpoint."""
    log_trial(tmp_path, record(0.25), record(0.25, 0.5, 0.75), trackers=["tensorboard"])
    (before,) = (tmp_path / "tensorboard/0000").iterdir()
    before.rename(before.with_name("events.out.tfevents.1.before"))  # of another second
    log_trial(tmp_path, record(0.25), record(0.25, 0.375), trackers=["tensorboard"])
    assert curve(tmp_path) == [(1, 0.25), (2, 0.375)]
    assert len([*(tmp_path / "tensorboard/0000").iterdir()]) == 1


def test_a_trial_that_takes_over_from_another_has_its_epochs(tmp_path):
    log_trial(tmp_path, record(0.25, 0.5), record(0.75, 0.875), trackers=["tensorboard"])
    assert curve(tmp_path) == [(1, 0.75), (2, 0.875)]


def test_a_trial_that_goes_on_after_it_had_ended_is_one_run(tmp_path):
    ended = record(0.25, status="stopped")
    log_trial(tmp_path, ended, record(0.25, 0.5, status="completed"), trackers=["tensorboard"])
    assert curve(tmp_path) == [(1, 0.25), (2, 0.5)]


def test_a_tracker_that_fails_is_told_nothing_more(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "class Mine:\n"
        "    def begin(self, trial, knobs):\n"
        "        raise OSError('no space')\n"
        "def build(*, folder):\n"
        "    return Mine()\n"
    )
    both = [str(mine), "tensorboard"]
    assert log_trial(tmp_path, record(0.25), record(0.25, 0.5), trackers=both) == [
        f"tracker: {mine} failed and is disabled (OSError: no space); the study continues."
    ]
    assert curve(tmp_path) == [(1, 0.25), (2, 0.5)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SQLAlchemy, which MLflow deserves
def test_mlflow_has_a_run_a_trial(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="needs the extra mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    log_trial(tmp_path, record(0.25), record(0.25, 0.5), trackers=["mlflow"])
    log_trial(tmp_path, record(0.25), record(0.25, 0.375, status="failed"), trackers=["mlflow"])
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(tmp_path.name).experiment_id
    (run,) = client.search_runs([experiment])
    assert run.info.run_name == "0000"
    assert run.info.status == "FAILED"
    assert run.data.params == {"optimizer.lr": "0.5", "model": "lenet"}
    history = client.get_metric_history(run.info.run_id, ROBUST)
    assert [(each.step, each.value) for each in history] == [(1, 0.25), (2, 0.375)]
    (earlier,) = client.search_runs(
        [experiment], run_view_type=mlflow.entities.ViewType.DELETED_ONLY
    )
    assert earlier.info.run_name == f"0000 replaced by {run.info.run_id}"
    assert earlier.data.tags["replaced_by"] == run.info.run_id
    assert run.data.tags["replaces"] == earlier.info.run_id


def leveldb_records(data):
    """Yield the records of a log in LevelDB's format behind W&B's header of 7 bytes."""
    offset, begun = 7, b""
    while offset + 7 <= len(data):
        if (left := 32768 - offset % 32768) < 7:
            offset += left
            continue
        _, length, kind = struct.unpack("<IHB", data[offset : offset + 7])
        begun += data[offset + 7 : offset + 7 + length]
        offset += 7 + length
        if kind in {1, 4}:  # a full record, or its last part
            yield begun
            begun = b""


@pytest.mark.slow
def test_wandb_has_a_run_a_trial_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="needs the extra wandb")
    from wandb.proto.wandb_internal_pb2 import Record as Kept  # noqa: PLC0415

    monkeypatch.delenv("WANDB_MODE", raising=False)
    log_trial(tmp_path, record(0.25), record(0.25, 0.5), trackers=["wandb"])
    warnings = log_trial(
        tmp_path, record(0.25), record(0.25, 0.375, status="failed"), trackers=["wandb"]
    )
    assert warnings == []
    (file,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    rows, runs, exits = [], [], []
    until = time.monotonic() + 60
    while not (found := [*map(Kept.FromString, leveldb_records(file.read_bytes()))]):
        assert time.monotonic() < until  # a process of W&B's own writes the file, all of it late
        time.sleep(0.1)
    for kept in found:
        runs += [kept.run] * kept.HasField("run")
        exits += [kept.exit.exit_code] * kept.HasField("exit")
        if kept.HasField("history"):
            each = kept.history.item
            values = {item.key or item.nested_key[0]: item.value_json for item in each}
            rows.append((int(values["_step"]), float(values[ROBUST])))
    assert rows == [(1, 0.25), (2, 0.375)]
    knobs = {item.key: item.value_json for item in runs[0].config.update}
    assert knobs["optimizer.lr"] == "0.5"
    assert runs[0].run_group == tmp_path.name
    assert exits == [1]


def test_a_tracker_that_is_not_installed_is_told_before_anything_starts(
    tmp_path, monkeypatch, capsys
):
    there = importlib.util.find_spec
    absent = {"mlflow", "wandb"}
    monkeypatch.setattr(tracking, "find_spec", lambda n: None if n in absent else there(n))
    words = ["space=weight_decay", "tracker=mlflow,wandb", f"results={tmp_path}", "cpu=1000"]
    assert main(words) == 2
    tracker_set = capsys.readouterr().err
    assert "tracker: mlflow needs the package mlflow, which is not installed; write" in tracker_set
    assert "uv run --extra wandb" in tracker_set
    assert "cpu:" in tracker_set  # with everything else that is wrong
    assert not list(tmp_path.iterdir())


def test_a_tracker_s_file_that_there_is_not_is_refused(tmp_path):
    assert list(check_trackers([f"{tmp_path}/nope.py"])) == [
        f"tracker: no file {tmp_path}/nope.py."
    ]


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("mlfow", "Did you mean 'mlflow'?"),
        ("none,wandb", "got 'null,"),
        ("wandb,wandb", "once"),
    ],
)
def test_trackers_that_there_are_not_are_refused(typed, hint, capsys):
    assert main(["space=weight_decay", f"tracker={typed}", "dry_run=true"]) == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize("name", registry.list_members(TRACKERS_PACKAGE))
def test_every_tracker_is_built_for_a_folder_and_says_what_it_is(name):
    module = registry.load_member(TRACKERS_PACKAGE, name)
    assert list(inspect.signature(module.build).parameters) == ["folder"]
    assert inspect.getdoc(module).partition("\n")[0].endswith(".")


def test_a_study_needs_no_tracker(tmp_path):
    assert log_trial(tmp_path, record(0.25), trackers=()) == []
    assert not list(tmp_path.iterdir())


def test_only_numbers_are_metrics():
    report = make_report(1, 0.25, precision="bf16", cuda_graph="captured", diverged=True)
    metrics = tracking.numeric_metrics(report)
    assert (metrics["val_robust_accuracy"], metrics["diverged"]) == (0.25, 1.0)
    assert not {"precision", "cuda_graph", "micro_batch"} & metrics.keys()
