"""Captured updates, with a recording of operations on the CPU in place of CUDA graphs."""

from contextlib import nullcontext
from dataclasses import asdict

import pytest
import torch
from torch import nn

from tests.oracles import method_groups, replace_component, tiny_config
from tests.trainables.op_tape import OpTape
from trainables.hparams.registry import list_members
from trainables.networks.host_sync import HostSyncDetector
from trainables.training import checkpoint
from trainables.training.graphed_update import GraphedUpdate
from trainables.training.trial import Trial

SMALL = {
    "data__validation": 10,
    "data__limit": 42,
    "data__batch_size": 8,
    "optimizer": {"name": "sgd", "lr": 0.01},
    "epochs": 2,
}
"""Six batches an epoch, the last of two images."""
WAITS = {"attack=adam", "attack=label_information"}
"""Members that cannot be captured on a CPU."""
METHODS_THAT_WAIT = {"liet", "llr"}
"""Methods whose attack cannot."""


def graphed(trial):
    """Let a trial run its updates as recordings; return the recorder."""
    trial.graphed = GraphedUpdate(trial.model, trial.optimizer, OpTape)
    return trial.graphed


def train(config, graph):
    """Return the reports and the final state of a trial."""
    trial = Trial(config)
    if graph:
        graphed(trial)
    unlike = {"seconds": 0, "exam_seconds": 0, "cuda_graph": ""}
    reports = [asdict(r) | unlike for r in trial.run_epochs()]
    return trial, reports, {k: v.clone() for k, v in trial.model.state_dict().items()}


def assert_equal_with_graph(config, tolerance=0.0):
    """Train with and without a graph; the numbers are equal, bit by bit without `tolerance`."""
    _, expected, expected_state = train(config, graph=False)
    trial, reports, state = train(config, graph=True)
    assert [r | {"train_loss": 0} for r in reports] == [r | {"train_loss": 0} for r in expected]
    for name, tensor in expected_state.items():
        torch.testing.assert_close(state[name], tensor, rtol=0, atol=tolerance)
    assert [r["train_loss"] for r in reports] == pytest.approx(
        [r["train_loss"] for r in expected], rel=tolerance, abs=0
    )
    return trial.graphed


@pytest.mark.parametrize("method", list_members("trainables.methods"))
def test_every_method(method):
    """Each with the attack and the update that it is published with."""
    recorder = assert_equal_with_graph(tiny_config(**method_groups(method), **SMALL))
    assert bool(recorder.obstacle) == (method in METHODS_THAT_WAIT)
    if recorder.obstacle:
        return
    assert recorder.graph.replays == 2 * 5 - 3  # full batches of both epochs, after the warm-up


@pytest.mark.parametrize("attack", list_members("trainables.attacks"))
def test_every_attack(attack):
    recorder = assert_equal_with_graph(tiny_config(attack={"name": attack}, **SMALL))
    assert bool(recorder.obstacle) == (f"attack={attack}" in WAITS)


@pytest.mark.parametrize("update", list_members("trainables.updates"))
def test_every_update(update):
    recorder = assert_equal_with_graph(tiny_config(update={"name": update}, **SMALL))
    assert recorder.obstacle == ""
    assert recorder.graph.replays > 0


def test_hypersphere_embedding():
    """Its last layer projects its weights at each forward pass, which must keep their address."""
    changes = {
        "criterion": {"name": "hypersphere"},
        "model": {"name": "small_cnn", "head": "cosine"},
    }
    assert assert_equal_with_graph(tiny_config(**changes, **SMALL)).obstacle == ""


class Replacing(nn.Module):
    """Replaces the memory of its weight at each pass."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        self.scale.data = self.scale.data.clone()
        return x * self.scale


def test_a_step_that_replaces_the_memory_of_a_weight_runs_as_usual():
    def build(config, graph):
        torch.manual_seed(0)
        trial = Trial(config)
        trial.model.append(Replacing())
        trial.optimizer = trial.components.optimizer.build(trial.model.parameters())
        return trial, graphed(trial) if graph else None

    config = tiny_config(**SMALL)
    expected, trial_losses = [], []
    for graph, losses in ((False, expected), (True, trial_losses)):
        trial, recorder = build(config, graph)
        losses.extend(report.train_loss for report in trial.run_epochs())
    assert recorder.obstacle == "a step replaces a tensor that the next one reads"
    assert trial_losses == expected


@pytest.mark.parametrize("threat", list_members("trainables.threats"))
def test_every_threat(threat):
    # torch divides a number by a tensor in another way than a tensor: a unit in the last place
    config = tiny_config(threat={"name": threat, "eps": 0.1}, **SMALL)
    assert assert_equal_with_graph(config, tolerance=1e-6).obstacle == ""


@pytest.mark.parametrize("average", list_members("trainables.averages"))
def test_every_average(average):
    config = tiny_config(average={"name": average}, **SMALL)
    assert assert_equal_with_graph(config).obstacle == ""


@pytest.mark.parametrize("optimizer", list_members("trainables.optimizers"))
def test_every_optimizer(optimizer):
    # Adam divides the learning rate, here in double and there in single precision: 6e-8 of 1e-3 a
    # step, enlarged by the steps that follow; Muon orthogonalises in bf16,
    # where such a difference may round to the next of 256 steps
    tolerance = {"sgd": 0.0, "muon": 1e-4}.get(optimizer, 1e-6)
    config = tiny_config(**SMALL | {"optimizer": {"name": optimizer}})
    recorder = assert_equal_with_graph(config, tolerance=tolerance)
    assert bool(recorder.obstacle) == (optimizer in {"lamb", "muon"})


def test_a_step_that_waits_for_the_device_runs_as_usual():
    """The update reads the loss, as one would to log it."""
    trial = Trial(tiny_config(**SMALL))
    take_step = trial.components.update.update

    def log_loss(model, optimizer, x, y, *, method, attack):
        loss = take_step(model, optimizer, x, y, method=method, attack=attack)
        assert loss.item() > 0
        return loss

    replace_component(trial, "update", update=log_loss)
    recorder = graphed(trial)
    report = trial.run_epoch()
    assert recorder.obstacle == "the host waits for aten._local_scalar_dense.default"
    assert report.cuda_graph == recorder.obstacle
    assert recorder.graph.replays == 0


def test_a_capture_that_fails_loses_nothing(monkeypatch):
    def fail(self, function, rng):
        raise RuntimeError("operation not permitted when stream is capturing\nand 30 lines more")

    config = tiny_config(**SMALL)
    _, expected, _ = train(config, graph=False)
    monkeypatch.setattr(OpTape, "capture", fail)
    trial, reports, _ = train(config, graph=True)
    assert reports == expected
    assert trial.graphed.obstacle == "operation not permitted when stream is capturing"


def test_a_restored_state_is_captured_anew(tmp_path):
    """`load_state_dict` of an optimizer replaces its tensors."""
    _, expected, expected_state = train(tiny_config(**SMALL), graph=False)
    trial = Trial(tiny_config(**SMALL))
    recorder = graphed(trial)
    trial.run_epoch()
    checkpoint.save(trial, tmp_path)
    first = recorder.graph
    checkpoint.restore(trial, tmp_path)
    assert trial.run_epoch().train_loss == expected[1]["train_loss"]
    assert recorder.graph is not first
    for name, tensor in expected_state.items():
        assert torch.equal(trial.model.state_dict()[name], tensor), name


def test_an_epoch_does_not_wait_for_the_device():
    """Apart from the loss at its end."""
    trial = Trial(tiny_config(average={"name": "ema"}, data__flip=True, data__cutout=2, **SMALL))
    with HostSyncDetector("cpu") as detector:
        trial.train_one_epoch()
    assert detector.found == ["aten._local_scalar_dense.default"]


@pytest.mark.parametrize("graphs", ["auto", True])
def test_an_obstacle_is_an_error_only_if_graphs_are_required(graphs):
    trial = Trial(tiny_config(attack={"name": "adam"}, graphs=graphs, **SMALL))
    graphed(trial)
    expected = pytest.raises(RuntimeError, match=r"graphs=true, but .* waits for .*; graphs=auto")
    with expected if graphs is True else nullcontext():
        assert trial.run_epoch().graph_obstacle.startswith("the host waits for ")
