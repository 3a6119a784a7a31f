"""Teachers of a trial: from a file, its own average, and one that is trained along."""

import pytest
import torch

from tests.oracles import replace_component, tiny_config
from trainables.errors import InputError
from trainables.networks.modes import in_mode
from trainables.training import checkpoint
from trainables.training.checkpoint import load_model
from trainables.training.loop import prepare_batches
from trainables.training.trial import Trial
from tuner.config.compose import compose_plan
from tuner.config.preflight.initial_weights import check_teachers
from tuner.search import parse_search_arguments

SMALL = {"data__limit": 60, "data__validation": 20, "epochs": 2}
TRAINED = {"method": {"name": "lbgat"}, "teacher": {"name": "trained", "model": "lenet"}}
ADR = {
    "method": {"name": "adr"},
    "teacher": {"name": "average"},
    "average": {"name": "ema", "decay": 0.9, "warmup": False, "max_share": 0.0},
}


@pytest.fixture(scope="module")
def standard(tmp_path_factory):
    """Return the folder of a network after standard training."""
    folder = tmp_path_factory.mktemp("standard")
    trial = Trial(tiny_config(method={"name": "standard"}, model={"name": "lenet"}, **SMALL))
    trial.run_epoch()
    checkpoint.save(trial, folder)
    torch.save(trial.model[1].state_dict(), folder / "foreign.pt")
    return folder


def hat(file, **teacher):
    teacher = {"name": "file", "weights": str(file), **teacher}
    return tiny_config(method={"name": "hat"}, teacher=teacher, **SMALL)


def test_a_file_describes_its_network_which_stays_as_it_is(standard):
    trial, x = Trial(hat(standard / "model.safetensors")), torch.rand(3, 1, 28, 28)
    expected = load_model(standard)(x)
    trial.run_epoch()
    logits = trial.teacher(x)
    torch.testing.assert_close(logits, expected)
    assert not logits.requires_grad
    assert trial.trained_teacher is None


def test_a_foreign_file_needs_the_name_of_its_network(standard):
    file, x = standard / "foreign.pt", torch.rand(3, 1, 28, 28)
    named = Trial(hat(file, model="lenet"))
    torch.testing.assert_close(named.teacher(x), load_model(standard)(x))
    with pytest.raises(InputError, match=r"teacher\.weights: .*another network"):
        Trial(hat(file))
    with pytest.raises(InputError, match=r"teacher\.model: .*no 'lennet'"):
        Trial(hat(file, model="lennet"))


def test_a_missing_file_is_reported_before_training(tmp_path):
    words = [f"teacher.weights={tmp_path}/none.pt", "method=hat", "space=weight_decay"]
    (problem,) = check_teachers(compose_plan(*parse_search_arguments(words)))
    assert problem.startswith("teacher.weights: ")
    assert "none.pt" in problem


def test_the_average_teaches_in_eval_mode():
    trial, x = Trial(tiny_config(**ADR, **SMALL)), torch.rand(3, 1, 28, 28)
    trial.run_epoch()
    average = trial.average.evaluation_model()
    with in_mode(average, "eval"):
        torch.testing.assert_close(trial.teacher(x), average(x))
        assert (trial.teacher(x) - trial.model(x)).abs().max() > 1e-3
    assert trial.trained_teacher is None


def test_a_trained_teacher_learns_and_resumes(tmp_path):
    """A trial that is saved and restored ends as one that is not."""
    config = tiny_config(**TRAINED, **SMALL)
    whole = Trial(config)
    start = {k: v.clone() for k, v in whole.trained_teacher.state_dict().items()}
    whole.run_epoch()
    checkpoint.save(whole, tmp_path)
    middle = {k: v.clone() for k, v in whole.trained_teacher.state_dict().items()}
    assert all((middle[k] != start[k]).any() for k in start if k.endswith("weight"))
    whole.run_epoch()
    resumed = Trial(config)
    checkpoint.restore(resumed, tmp_path)
    resumed.run_epoch()
    for network in ("model", "trained_teacher"):
        one, other = (getattr(trial, network).state_dict() for trial in (whole, resumed))
        torch.testing.assert_close(dict(one), dict(other), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["method=hat"], "teacher.weights: needs a value"),
        (["method=adr", "teacher=none"], "teacher: method=adr learns from one; write teacher="),
        (["method=adr", "average=none"], "add average=ema"),
        (["method=trades", "teacher=trained"], "has no effect, because method=trades"),
        (["method=consistency", "data.mixup=1"], "data.mixup: must be 0"),
        (["method=consistency", "update.micro_batch=8"], "update.micro_batch: must be none"),
        (["method=nuat", "update.micro_batch=8"], "update.micro_batch: must be none"),
        (["method=lbgat", "teacher=average"], "method=lbgat cannot learn from teacher=average"),
        (["method=lbgat", "optimizer=muon"], "with teacher=trained there are two"),
        (["method=consistency", "attack=prior_epoch"], "has several views of it"),
        (["method=fgsm_pgi", "data.cutmix=1"], "data.cutmix: must be 0 with attack=prior_epoch"),
        (["method=fgsm_pgi", "update=multi_norm"], "would start in one norm"),
        (["method=fgsm_pgi", "data.policy=idbh_strong"], "data.policy: must be none"),
    ],
)
def test_what_does_not_fit_is_refused(words, expected):
    with pytest.raises(InputError) as error:
        compose_plan(*parse_search_arguments(["space=weight_decay", *words]))
    assert any(expected in problem for problem in error.value.problems), error.value.problems


def test_a_method_of_two_views_gets_two_augmentations_of_each_image():
    trial = Trial(tiny_config(method={"name": "consistency"}, data__crop=4, **SMALL))
    seen = []

    def augment(x, rng):
        seen.append(x)
        return x + len(seen)

    replace_component(trial, "data", augment=augment, apply_mixup=lambda x, y, rng: (x, y))
    steps, batches = prepare_batches(trial.components, trial.train_images, trial.rng)
    x, y, *_ = next(iter(batches))
    assert (steps, len(x), len(y)) == (2, 100, 100)
    torch.testing.assert_close(x[:50] + 1, x[50:])
    assert torch.equal(y[:50], y[50:])
