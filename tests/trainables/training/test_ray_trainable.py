"""A trial that runs out of memory continues with smaller micro-batches and learns the same."""

import shutil
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch
from torch.nn import BatchNorm1d

from tests.oracles import tiny_config
from tests.trainables.op_tape import OpTape
from trainables.training import ray_trainable as trainable_module
from trainables.training.graphed_update import GraphedUpdate
from trainables.training.ray_trainable import MemorySaving, halve_micro_batch, save_memory
from trainables.training.trial import TrainingOutOfMemoryError, Trial

OUT_OF_MEMORY_METHOD = '''"""Runs out of memory with more than `capacity` images at a time."""
import torch
from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as pgd_at
from trainables.hparams.ranges import Fraction, Natural
def outer(
    model, x, x_adv, y, *, criterion, progress=0.0, capacity: Natural = 10, since: Fraction = 0.0
):
    if len(x) > capacity and progress >= since:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
    return pgd_at(model, x, x_adv, y, criterion=criterion)
'''
TIMES = {"seconds", "exam_seconds"}


@pytest.fixture
def out_of_memory(tmp_path):
    """Return a configuration whose training runs out of memory."""
    path = tmp_path / "out_of_memory.py"
    path.write_text(OUT_OF_MEMORY_METHOD)

    def config(**knobs):
        return tiny_config(method={"name": str(path), **knobs})

    return config


@pytest.fixture
def reported(tmp_path, monkeypatch):
    """Run a configuration as Ray does; return what it reports, the last report of an epoch last."""

    def ran(config):
        reports, kept = [], tmp_path / "kept"
        shutil.rmtree(kept, ignore_errors=True)

        def report(metrics, checkpoint):
            reports.append({k: v for k, v in metrics.items() if k not in TIMES})
            shutil.copytree(checkpoint.path, kept, dirs_exist_ok=True)

        def newest():
            return trainable_module.tune.Checkpoint(str(kept)) if kept.exists() else None

        tune = SimpleNamespace(
            report=report,
            get_checkpoint=newest,
            Checkpoint=trainable_module.tune.Checkpoint,
        )
        with monkeypatch.context() as patch:
            patch.setattr(trainable_module, "tune", tune)
            trainable_module.trainable(config | {"levels": [{"epochs": config["epochs"]}]})
        return reports

    return ran


def metrics_of(report):
    return {k: v for k, v in asdict(report).items() if k not in TIMES}


def test_running_out_of_memory_changes_only_the_micro_batch(out_of_memory, reported):
    """Batches of 50 and 25 do not fit; the results are those of micro-batches of 12."""
    reports = reported(out_of_memory(capacity=15))
    expected = Trial(tiny_config(update={"name": "alternate", "micro_batch": 12}))
    assert reports == [metrics_of(report) for report in expected.run_epochs()]
    assert [report["micro_batch"] for report in reports] == [12, 12, 12, 12]


def test_it_resumes_from_its_last_checkpoint(out_of_memory, reported):
    reports = reported(out_of_memory(capacity=25, since=0.5))
    trial = Trial(tiny_config())
    expected = [metrics_of(trial.run_epoch()) for _ in range(2)]
    trial.micro_batch = 25
    expected += [metrics_of(report) for report in trial.run_epochs()]
    assert reports == expected
    assert [report["micro_batch"] for report in reports] == [None, None, 25, 25]


def test_random_draws_are_those_of_a_trial_with_enough_memory(out_of_memory, reported):
    """Only rounding differs: float32's 1e-7, grown over twelve steps (2e-7 was measured)."""
    reports = reported(out_of_memory(capacity=25))
    whole = [metrics_of(report) for report in Trial(tiny_config()).run_epochs()]
    for one, other in zip(reports, whole, strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)
        assert one["gradient_passes"] == other["gradient_passes"]


def test_the_smaller_micro_batch_is_saved(out_of_memory, reported, tmp_path):
    reported(out_of_memory(capacity=15))
    again = Trial(out_of_memory(capacity=15))
    trainable_module.checkpoint.restore(again, tmp_path / "kept")
    assert again.micro_batch == 12


def test_a_single_image_that_does_not_fit_is_an_error(out_of_memory, reported):
    with pytest.raises(
        TrainingOutOfMemoryError,
        match=r"2 GiB\..*the micro-batch is one image already; lower data.batch_",
    ):
        reported(out_of_memory(capacity=0))


def test_a_validation_that_does_not_fit_is_not_retried(out_of_memory, reported, monkeypatch):
    tried = []

    def validate(*_):
        tried.append(1)
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(Trial, "build_report", validate)
    with pytest.raises(torch.OutOfMemoryError, match="no memory"):
        reported(out_of_memory(capacity=1000))
    assert tried == [1]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"update": {"name": "awp"}}, "awp has no update.micro_batch"),
        ({"method": {"name": "grad_align"}}, "the loss of grad_align needs the whole batch"),
        ({"attack": {"name": "atas"}}, "the attack atas needs the whole batch"),
        (
            {"model": {"name": "resnet18", "width": 4}},
            "BatchNorm's statistics need the whole batch",
        ),
    ],
)
def test_micro_batches_that_would_change_training_are_refused(changes, why):
    with pytest.raises(TrainingOutOfMemoryError, match=why):
        halve_micro_batch(
            Trial(tiny_config(**changes)), TrainingOutOfMemoryError("CUDA out of memory.")
        )


def test_a_micro_batch_larger_than_a_batch_is_the_batch():
    """Half of a batch of 50 is 25, although the micro-batch is 200."""
    trial = Trial(tiny_config(update={"name": "alternate", "micro_batch": 200}))
    assert halve_micro_batch(trial, TrainingOutOfMemoryError("CUDA out of memory.")) == 25


def test_batch_norm_depends_on_the_batch():
    """Any pair of values is normalised to -1 and 1."""
    norm, x = BatchNorm1d(1), torch.tensor([[0.0], [1.0], [10.0], [11.0]])
    parts = torch.cat([norm(part) for part in x.split(2)]).detach()
    ends = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]])
    torch.testing.assert_close(parts, ends, rtol=1e-4, atol=0)  # its eps of 1e-5 beside 1/4
    assert (norm(x)[:2] < -0.8).all()  # of the whole, both are low: (1 - 5.5) / 5.02 = -0.9


class TapeOutOfMemory(OpTape):
    """A graph for whose memory there is no space."""

    failed = False

    def capture(self, function, rng):
        self.failed = True
        raise torch.OutOfMemoryError("CUDA out of memory.")


@pytest.fixture
def taped(monkeypatch):
    """Let trials record their updates; return the recorders, one per start."""

    def with_tape(tape):
        recorders = []
        build = Trial.__init__

        def record(trial, *args):
            build(trial, *args)
            trial.graphed = GraphedUpdate(trial.model, trial.optimizer, tape)
            recorders.append(trial.graphed)

        monkeypatch.setattr(Trial, "__init__", record)
        return recorders

    return with_tape


SMALL_BATCHES = {"data__batch_size": 8, "data__limit": 42, "data__validation": 10}


def test_a_capture_that_runs_out_of_memory_continues_without_a_graph(taped, reported):
    config = tiny_config(**SMALL_BATCHES)
    expected = [metrics_of(report) for report in Trial(config).run_epochs()]
    recorders = taped(TapeOutOfMemory)
    reports = reported(config)
    assert [report["cuda_graph"] for report in reports] == 4 * ["CUDA out of memory."]
    assert [r | {"cuda_graph": "off"} for r in reports] == expected  # in whole batches
    (recorder,) = recorders
    assert recorder.obstacle == "CUDA out of memory."
    assert not recorder.graph.failed  # another one, so that the memory of the first is free


def test_then_it_continues_in_micro_batches(taped, out_of_memory, reported):
    """From the second epoch on, steps need more memory than there is."""
    config = out_of_memory(capacity=4, since=0.5) | {"data": tiny_config(**SMALL_BATCHES)["data"]}
    recorders = taped(TapeOutOfMemory)
    reports = reported(config)
    assert [report["micro_batch"] for report in reports] == [None, None, 4, 4]
    assert len(recorders) == 2


def test_a_captured_trial_that_runs_out_of_memory_frees_its_graph_first(
    taped, reported, monkeypatch
):
    """The last, smaller batch runs beside the graph, which holds the memory of whole batches."""
    config = tiny_config(**SMALL_BATCHES)
    expected = [metrics_of(report) for report in Trial(config).run_epochs()]
    recorders, run = taped(OpTape), GraphedUpdate.run

    def run_out_of_memory(recorder, update, context, x, *rest):
        if recorder.is_captured and len(x) < 8:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return run(recorder, update, context, x, *rest)

    monkeypatch.setattr(GraphedUpdate, "run", run_out_of_memory)
    assert reported(config) == expected
    assert len(recorders) == 2  # the second one was not used
    assert not recorders[1].steps


def test_a_validation_that_does_not_fit_beside_a_graph_is_repeated_without(
    taped, reported, monkeypatch
):
    config = tiny_config(**SMALL_BATCHES)
    expected = [metrics_of(report) for report in Trial(config).run_epochs()]
    taped(OpTape)
    validate = Trial.build_report

    def validate_beside_graph(trial, *args):
        if trial.graphed and trial.epoch == 3:
            raise torch.OutOfMemoryError("no memory")
        return validate(trial, *args)

    monkeypatch.setattr(Trial, "build_report", validate_beside_graph)
    reports = reported(config)
    assert [r["cuda_graph"] for r in reports] == ["captured", "captured", "off", "off"]
    assert [r | {"cuda_graph": "off"} for r in reports] == expected


def test_micro_batches_stay_without_a_graph(taped):
    """What was found out before is kept."""
    taped(OpTape)
    trial = Trial(tiny_config(**SMALL_BATCHES))
    trial.micro_batch = 4
    trial.graphed.is_captured = True
    error = TrainingOutOfMemoryError("CUDA out of memory.")
    saving = save_memory(trial, error)
    assert saving == MemorySaving(graphs=False, micro_batch=4)
    saving.apply_to(trial)
    assert trial.graphed is None
    assert save_memory(trial, error) == MemorySaving(graphs=False, micro_batch=2)
