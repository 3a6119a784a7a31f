"""The averaged weights, computed by hand; and resumed trials."""

import math

import pytest
import torch
from torch import nn

from tests.oracles import tiny_config
from trainables.averages import ema, ensemble, none, swa
from trainables.components import GROUPS
from trainables.hparams.registry import list_members
from trainables.networks.averaging import Ensemble
from trainables.robustness.validation_attack import measure_accuracies
from trainables.training import checkpoint
from trainables.training.checkpoint import load_model
from trainables.training.trial import Trial
from tuner.config.newer_knobs import find_newer_knobs

TWO_PERIODS = {"periods": {"resets": [0.5]}}
each_average = pytest.mark.parametrize("name", list_members("trainables.averages"))


class Constant(nn.Module):
    """Gives the same logits to every input."""

    def __init__(self, *logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, x):
        return self.logits.expand(len(x), -1)


def test_an_ensemble_averages_probabilities():
    """Probabilities (3/4, 1/4) and (1/4, 3/4) with odds 3 and 1/3; one more of the first."""
    one, other = Constant(torch.tensor(3.0).log().item(), 0.0), Constant(0.0, 1.0986123)
    together = Ensemble([one, other, one])(torch.zeros(2, 1)).softmax(dim=1)
    torch.testing.assert_close(together, torch.tensor([[7 / 12, 5 / 12]] * 2))


def test_its_cross_entropy_is_minus_the_log_of_the_mean_probability():
    members = [Constant(1.0, 2.0, 0.5), Constant(-1.0, 0.3, 2.0)]
    x, y = torch.zeros(1, 1), torch.tensor([2])
    mean = torch.stack([m(x).softmax(dim=1) for m in members]).mean(dim=0)[0, 2]
    found = nn.functional.cross_entropy(Ensemble(members)(x), y)
    torch.testing.assert_close(found, -mean.log())


def test_ema_by_hand():
    """The first step's weights as they are, then 0.75 of the old: 1, 0.75 + 0.5, ..."""
    model = nn.Linear(1, 1, bias=False)
    average = ema.build(model, decay=0.75, warmup=False)
    for weight, expected in ((1.0, 1.0), (2.0, 1.25), (5.0, 2.1875)):
        model.weight.data.fill_(weight)
        average.on_step()
        assert average.evaluation_model().weight.item() == pytest.approx(expected)
    assert average.horizons() == pytest.approx(2 * math.log(4 / 3))


def test_ema_with_warmup_by_hand():
    """Decays min(0.3, 2/11), min(0.3, 3/12), min(0.3, 4/13): the last one is the full decay."""
    model = nn.Linear(1, 1, bias=False)
    average = ema.build(model, decay=0.3)
    expected = [1.0, 2 / 11 + 18 / 11, 5 / 11 + 3.75, 0.3 * (5 / 11 + 3.75) + 0.7]
    left = [1, 2 / 11, 2 / 44, 0.6 / 44]
    for weight, mean, share in zip((1.0, 2.0, 5.0, 1.0), expected, left, strict=True):
        model.weight.data.fill_(weight)
        average.on_step()
        assert average.evaluation_model().weight.item() == pytest.approx(mean)
        assert average.horizons() == pytest.approx(-math.log(share))
    restored = ema.build(model, decay=0.3)
    restored.load_state_dict(average.state_dict())
    assert restored.horizons() == average.horizons()


@pytest.mark.parametrize(
    ("knobs", "is_known"),
    [({}, True), ({"warmup": False}, True), ({"max_share": 0}, True), (ema.FORMER_VALUES, False)],
)
def test_an_older_study_ranks_by_the_average_to_its_end(knobs, is_known):
    """Its earlier reports lack the horizons: a rung must not compare two kinds of networks."""
    average = ema.build(nn.Linear(1, 1), run_steps=100, **knobs)
    average.on_step()
    assert (average.horizons() is not None) == is_known


def test_a_decay_of_zero_is_the_network_itself():
    model = nn.Linear(1, 1, bias=False)
    average = ema.build(model, decay=0)
    for weight in (1.0, 2.0, 3.0):
        model.weight.data.fill_(weight)
        average.on_step()
    assert average.evaluation_model().weight.item() == 3
    assert math.isfinite(average.horizons())


@pytest.mark.parametrize(
    ("run_steps", "max_share", "expected"),
    [
        (1000, 0.05, 0.98),  # a horizon of 50 steps
        (4000, 0.05, 0.995),  # 200 steps
        (10_000, 0.05, 0.995),
        (1000, 0.1, 0.99),
        (1000, 0, 0.995),
        (None, 0.05, 0.995),
        (10, 0.05, 0.0),  # half a step
    ],
)
def test_a_short_run_has_a_short_horizon(run_steps, max_share, expected):
    assert ema.decay_in_run(0.995, run_steps, max_share) == pytest.approx(expected)


def test_the_horizon_follows_the_steps_of_the_run():
    """Three batches an epoch of 50, 50 and 20 images; free replays each batch four times: 4."""
    average = {"name": "ema", "max_share": 0.5}
    assert Trial(tiny_config(average=average, epochs=4)).average.decay == 1 - 1 / 6
    assert Trial(tiny_config(average=average, epochs=8)).average.decay == 1 - 1 / 12
    free = tiny_config(average=average, epochs=4, update={"name": "free", "replays": 4})
    assert Trial(free).average.decay == 1 - 1 / 8


def test_an_older_configuration_keeps_its_constant_decay():
    """It lacks both newer knobs."""
    newer = find_newer_knobs({"average": {"name": "ema", "decay": 0.9}})
    assert newer.former == {"average.warmup": False, "average.max_share": 0.0}
    old = newer.complete({"average": {"name": "ema", "decay": 0.9}})
    average = Trial(tiny_config(**old)).average
    assert [average.decay_after(steps) for steps in (1, 1000)] == [0.9, 0.9]


def test_ema_averages_batch_statistics_too():
    model = nn.BatchNorm1d(1)
    average = ema.build(model, decay=0.5, warmup=False)
    for mean in (2.0, 4.0):
        model.running_mean.fill_(mean)
        average.on_step()
    assert average.evaluation_model().running_mean.item() == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("every", "expected"), [("step", (3 + 4 + 8 + 7) / 4), ("epoch", (4 + 7) / 2)]
)
def test_swa_by_hand(every, expected):
    """Epochs of two steps: of the weights 1, 2; 3, 4; 8, 7 the last two thirds are averaged."""
    model = nn.Linear(1, 1, bias=False)
    average = swa.build(model, run_steps=6, start=1 / 3, every=every)
    for step, weight in enumerate((1.0, 2.0, 3.0, 4.0, 8.0, 7.0), start=1):
        model.weight.data.fill_(weight)
        average.on_step()
        if step < 4:
            assert average.evaluation_model() is model
        if step % 2 == 0:
            average.on_epoch_end([])
    assert average.evaluation_model().weight.item() == pytest.approx(expected)
    assert average.horizons() is None


def test_swa_recomputes_the_statistics_of_the_averaged_weights():
    """Weights 1 and 3 give 2: features (2, 6) and (0, 4) have means 4 and 2, and variance 8."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    average = swa.build(model, run_steps=2, start=0, every="step")
    for weight in (1.0, 3.0):
        model[0].weight.data.fill_(weight)
        average.on_step()
    average.on_epoch_end([torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [2.0]])])
    norm = average.evaluation_model()[1]
    assert (norm.running_mean.item(), norm.running_var.item()) == (3.0, 8.0)
    assert norm.momentum == model[1].momentum == 0.1
    assert model[1].running_mean.item() == 0


def test_swa_can_average_statistics():
    model = nn.BatchNorm1d(1)
    average = swa.build(model, run_steps=2, start=0, every="step", statistics="averaged")
    for mean in (2.0, 5.0):
        model.running_mean.fill_(mean)
        average.on_step()
    average.on_epoch_end([torch.zeros(2, 1)])
    assert average.evaluation_model().running_mean.item() == 3.5


def test_swa_sees_the_training_images_without_attack():
    """120 images in three batches, cropped, the same after every epoch."""
    trial = Trial(tiny_config(average={"name": "swa", "start": 0.0}))
    seen = []
    trial.average.on_epoch_end = lambda images: seen.append(list(images))
    trial.average.model = trial.model
    for _ in range(2):
        trial.run_epoch()
    assert [len(x) for x in seen[0]] == [50, 50, 20]
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))
    assert seen[0][0].min() == 0
    assert seen[0][0].max() == 1


def test_no_average_is_the_network_itself():
    model = nn.Linear(1, 1)
    assert none.build(model).evaluation_model() is model


def test_an_ensemble_of_one_predicts_as_the_network():
    model, x = nn.Linear(3, 4), torch.rand(2, 3)
    answer = ensemble.build(model).evaluation_model()(x)
    torch.testing.assert_close(answer.softmax(dim=1), model(x).softmax(dim=1))


def test_an_ensemble_has_the_network_at_the_end_of_each_period_and_the_present_one():
    """Weights 1 and 2 at the ends, 3 now; a copy with other weights takes the ends over."""
    model = nn.Linear(1, 1, bias=False)
    average = ensemble.build(model)
    for weight in (1.0, 2.0):
        model.weight.data.fill_(weight)
        average.on_period_end()
    model.weight.data.fill_(3.0)
    assert [each.weight.item() for each in average.evaluation_model().members] == [1, 2, 3]
    other = nn.Linear(1, 1, bias=False)
    other.weight.data.fill_(7.0)
    restored = ensemble.build(other)
    restored.load_state_dict(average.state_dict())
    assert [each.weight.item() for each in restored.evaluation_model().members] == [1, 2, 7]


@pytest.mark.parametrize("periods", [{"resets": ()}, {"resets": (0.5,)}, {}])
def test_an_ensemble_warns_without_periods(periods):
    found = [text.partition(":")[0] for text in ensemble.warnings({"periods": periods})]
    assert found == ["average"] * (periods == {"resets": ()})


@each_average
def test_the_validated_weights_are_saved_and_load(name, tmp_path):
    trial = Trial(tiny_config(average={"name": name}, **TWO_PERIODS))
    best = max(trial.run_epochs(), key=lambda report: report.score())
    checkpoint.save(trial, tmp_path)
    model = load_model(tmp_path)
    scored = measure_accuracies(model, trial.validation_images, threat=trial.threat, steps=2)
    assert (scored.clean, scored.robust) == (best.val_clean_accuracy, best.val_robust_accuracy)


@each_average
def test_a_resumed_trial_is_the_same(name, tmp_path):
    config = tiny_config(average={"name": name}, **TWO_PERIODS)
    straight = Trial(config)
    list(straight.run_epochs())
    first = Trial(config)
    for _ in range(3):
        first.run_epoch()
    checkpoint.save(first, tmp_path)
    second = Trial(config)
    checkpoint.restore(second, tmp_path)
    list(second.run_epochs())
    expected = straight.average.evaluation_model().state_dict()
    for key, tensor in second.average.evaluation_model().state_dict().items():
        torch.testing.assert_close(tensor, expected[key], rtol=0, atol=0)


@each_average
def test_the_network_in_training_is_not_changed(name):
    assert GROUPS["average"].load(name).__doc__
    plain, averaged = (
        Trial(tiny_config(average={"name": each}, **TWO_PERIODS)) for each in ("none", name)
    )
    for trial in (plain, averaged):
        list(trial.run_epochs())
    for key, tensor in averaged.model.state_dict().items():
        torch.testing.assert_close(tensor, plain.model.state_dict()[key], rtol=0, atol=0)
