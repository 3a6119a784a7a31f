"""What a configuration costs, against trials that were trained to the end."""

from types import SimpleNamespace

import pytest
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from tests.oracles import make_accuracies, replace_component, tiny_config
from trainables.training import checkpoint
from trainables.training.checkpoint import folder_bytes
from trainables.training.trial import Trial
from tuner.config.preflight.timing import (
    measure_checkpoint,
    measure_cost,
    skip_validation,
    time_attack_step,
    time_training,
)

CHANGES = [
    {"optimizer": {"name": "sgd", "lr": 0.01}},
    {"optimizer": {"name": "adam", "lr": 1e-3}},
    {"average": {"name": "ema", "decay": 0.5}},
    {"average": {"name": "ensemble"}, "periods": {"resets": [0.25, 0.5]}},
]


class FakeClock(SimpleNamespace):
    """A clock that only the test moves.

    Attributes:
        now: Its time in seconds.
    """

    def perf_counter(self):
        """Return the time."""
        return self.now


@pytest.fixture
def fake_time(monkeypatch):
    """Replace the clock by which training and attacks are timed."""
    fake = FakeClock(now=0.0)
    for module in ("trainables.training.trial", "tuner.config.preflight.timing"):
        monkeypatch.setattr(f"{module}.time", fake)
    return fake


def names(changes):
    return "-".join(each.get("name", "") for each in changes.values())


@pytest.mark.parametrize("changes", CHANGES, ids=names)
def test_the_last_checkpoint_is_as_large_as_foretold(changes, tmp_path):
    """But for the digits of its metrics: 11 numbers of at most 25 characters."""
    trial = Trial(tiny_config(**changes))
    replace_component(
        trial,
        "exam",
        measure_accuracies=lambda *_, **__: make_accuracies(trial.epoch / 8, trial.epoch / 8),
    )
    list(trial.run_epochs())  # the last epoch is the best, so that all networks are kept
    checkpoint.save(trial, tmp_path)
    assert measure_checkpoint(Trial(tiny_config(**changes))) == pytest.approx(
        folder_bytes(tmp_path), abs=11 * 25
    )


def test_the_memory_of_an_update_counts():
    """Free training keeps a perturbation of the largest batch: 50 images of 784 float32."""
    free, plain = (
        measure_cost(tiny_config(update={"name": name}, optimizer={"name": "sgd", "lr": 0.01})).disk
        for name in ("free", "alternate")
    )
    assert free - plain == pytest.approx(50 * 784 * 4, abs=2000)  # names and padding


def test_passes_are_those_of_the_whole_trial():
    """Two attack steps and the update on 120 images, four times over."""
    trial = Trial(tiny_config())
    list(trial.run_epochs())
    assert measure_cost(tiny_config()).passes == 3 * 120 * 4 == trial.gradient_passes * 120


def test_seconds_grow_with_the_steps_of_the_attack(fake_time):
    """On a clock on which each pass of a layer takes a second, and an attack step is free."""

    def tick(layer, inputs):
        fake_time.now += isinstance(layer, nn.Linear)

    def train_seconds(steps):
        trial = Trial(tiny_config(attack={"name": "pgd", "steps": steps}))
        skip_validation(trial)
        with register_module_forward_pre_hook(tick):
            return time_training(trial, trial.train_images[:50])[0]

    few, many = map(train_seconds, (2, 40))
    assert few > 0
    assert many / few == pytest.approx((40 + 1) / (2 + 1))  # and the update itself


def test_seconds_are_those_of_training_and_of_the_exam(monkeypatch):
    """At 0.004 s an image 120 take 0.48 s; at 0.001 s a step 60 images under 2 steps 0.12 s."""
    asked = []

    def fake(_, images):
        asked.append(len(images))
        return 0.004 * len(images), 3.0

    monkeypatch.setattr("tuner.config.preflight.timing.time_training", fake)
    monkeypatch.setattr("tuner.config.preflight.timing.time_attack_step", lambda *_: 0.001)
    monkeypatch.setattr("tuner.config.preflight.timing.measure_checkpoint", lambda _: 7)
    cost = measure_cost(tiny_config())
    assert cost.seconds == pytest.approx(4 * (0.48 + 0.12))  # four epochs
    assert (cost.passes, cost.disk) == (4 * 3 * 120, 7)
    assert asked == [2, 8, 50, 50]


@pytest.mark.parametrize(("each", "sizes"), [(0.09, [2, 8, 50, 50]), (0.11, [2, 8])])
def test_a_whole_batch_is_timed_unless_that_takes_too_long(monkeypatch, each, sizes):
    """Of 50 images at 0.09 s, 4.5 s; at 0.11 s it would be 5.5, which is over the 5 s."""
    asked = []

    def fake(_, images):
        asked.append(len(images))
        return each * len(images), 3.0

    monkeypatch.setattr("tuner.config.preflight.timing.time_training", fake)
    monkeypatch.setattr("tuner.config.preflight.timing.measure_checkpoint", lambda _: 7)
    measure_cost(tiny_config())
    assert asked == sizes


def test_the_last_epoch_is_looked_at(monkeypatch):
    """After schedules have finished and without any warm-up."""
    trial = Trial(tiny_config())
    seen = []

    def train_one_epoch():
        seen.append(trial.epoch)
        return Trial.train_one_epoch(trial)

    monkeypatch.setattr(trial, "train_one_epoch", train_one_epoch)
    time_training(trial, trial.train_images[:5])
    time_training(trial, trial.train_images[:5])
    assert seen == [3, 3]


def test_a_step_of_the_exam_is_timed_on_every_image(monkeypatch, fake_time):
    """A validated network that takes 0.02 s a batch: five looks at 10 images for four steps."""
    trial = Trial(tiny_config())
    seen = []

    def slow(x):
        seen.append(len(x))
        fake_time.now += 0.02
        return trial.model(x)

    monkeypatch.setattr("tuner.config.preflight.timing.folded_view", lambda _: slow)
    each = time_attack_step(trial, trial.train_images[:10])
    assert seen == [10] * 5
    assert each == pytest.approx(5 * 0.02 / 4 / 10)
