"""Training that starts from loaded weights, with a lower learning rate for them."""

import pytest
import torch

from tests.oracles import tiny_config
from trainables.errors import InputError
from trainables.scheduling import set_lr, split_parameters
from trainables.training import checkpoint
from trainables.training.trial import Trial

FACTOR = 0.25


@pytest.fixture
def weights(tmp_path):
    """Return a file of weights of the network, as other software writes it."""
    source = Trial(tiny_config(seed=7)).model[1]
    torch.save({"net": source.state_dict()}, tmp_path / "net.pt")
    return source, tmp_path / "net.pt"


def test_training_starts_from_the_weights_of_the_file(weights):
    source, file = weights
    trial = Trial(tiny_config(init=str(file)))
    torch.testing.assert_close(
        dict(trial.model[1].state_dict()), dict(source.state_dict()), rtol=0, atol=0
    )
    with pytest.raises(InputError, match="another network"):
        Trial(tiny_config(init=str(file), model={"name": "lenet"}))


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_loaded_parameters_have_a_share_of_the_learning_rate(weights, name):
    """With plain SGD, a step on weights of rate lr moves them lr times their gradient."""
    *_, file = weights
    optimizer = {"name": name, "lr": 0.1, "loaded_lr_factor": FACTOR}
    trial = Trial(tiny_config(init=str(file), optimizer=optimizer))
    (group,) = trial.optimizer.param_groups
    assert trial.peak_lr == 0.1
    set_lr(trial.optimizer, 0.08)
    assert group["lr"] == pytest.approx(0.02)


def test_new_parameters_keep_the_whole_rate():
    named = [(name, torch.nn.Parameter(torch.ones(1))) for name in ("old", "new")]
    groups = split_parameters(named, {"old"}, loaded_lr_factor=FACTOR)
    optimizer = torch.optim.SGD(groups, lr=1.0)
    set_lr(optimizer, 0.5)
    for _, parameter in named:
        parameter.grad = torch.ones(1)
    optimizer.step()
    # 1 - 0.5 * 0.25 and 1 - 0.5
    assert [p.item() for _, p in named] == [0.875, 0.5]


def test_a_rate_of_zero_keeps_loaded_weights(weights):
    source, file = weights
    optimizer = {"name": "sgd", "lr": 0.1, "loaded_lr_factor": 0.0}
    trial = Trial(tiny_config(init=str(file), optimizer=optimizer))
    trial.run_epoch()
    parameters = [dict(net.named_parameters()) for net in (trial.model[1], source)]
    torch.testing.assert_close(*parameters, rtol=0, atol=0)


def test_a_new_last_layer_is_trained_at_the_whole_rate(tmp_path):
    source = Trial(tiny_config(seed=7)).model[1]
    state = source.state_dict()
    state["7.weight"], state["7.bias"] = torch.rand(5, 100), torch.rand(5)
    torch.save(state, tmp_path / "net.pt")
    optimizer = {"name": "sgd", "lr": 0.1, "loaded_lr_factor": 0.0, "weight_decay": 0.0}
    trial = Trial(tiny_config(init=str(tmp_path / "net.pt"), optimizer=optimizer))
    assert {"1.0.weight", "1.5.bias"} <= trial.loaded_names
    assert not {"1.7.weight", "1.7.bias"} & trial.loaded_names
    before = trial.model[1][7].weight.clone()
    trial.run_epoch()
    assert not torch.equal(trial.model[1][7].weight, before)
    torch.testing.assert_close(trial.model[1][0].weight, source[0].weight, rtol=0, atol=0)


def test_a_resumed_trial_continues_as_one_without_interruption(weights, tmp_path):
    *_, file = weights
    config = tiny_config(
        init=str(file), optimizer={"name": "adam", "lr": 1e-3, "loaded_lr_factor": FACTOR}
    )
    whole, first, second = Trial(config), Trial(config), Trial(config)
    for _ in range(2):
        whole.run_epoch()
    first.run_epoch()
    (tmp_path / "saved").mkdir()
    checkpoint.save(first, tmp_path / "saved")
    checkpoint.restore(second, tmp_path / "saved")
    second.run_epoch()
    torch.testing.assert_close(
        dict(second.model.state_dict()), dict(whole.model.state_dict()), rtol=0, atol=0
    )


def test_weights_of_a_trial_are_loaded_too(tmp_path):
    trial = Trial(tiny_config(epochs=1))
    trial.run_epoch()
    checkpoint.save(trial, tmp_path)
    started = Trial(tiny_config(init=str(tmp_path / checkpoint.WEIGHTS_FILE)))
    torch.testing.assert_close(
        dict(started.model.state_dict()), dict(trial.best_weights), rtol=0, atol=0
    )
