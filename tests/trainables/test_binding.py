"""A configuration becomes functions, or an error with every problem."""

import copy
from dataclasses import dataclass

import pytest

from tests.oracles import TINY_CONFIG, tiny_config
from trainables.binding import bind
from trainables.components import GROUPS
from trainables.errors import InputError
from trainables.injection import inject, injected_names


@dataclass
class Context:
    threat: int
    memory: int


def groups(config):
    return {key: value for key, value in config.items() if key in GROUPS}


def test_knobs_are_filled_in_and_defaults_with_them():
    components = bind(groups(TINY_CONFIG))
    assert components.attack.perturb.keywords["steps"] == 2
    assert components.attack.perturb.keywords["restarts"] == 1
    assert components.threat.build().eps == 0.1
    assert components.data.batch_size == 50
    assert components.update.replays == 1


def test_all_problems_are_reported_together_with_a_remedy():
    config = groups(copy.deepcopy(TINY_CONFIG))
    config["optimiser"] = {"name": "sgd"}
    config["attack"] |= {"name": "pdg"}
    config["update"] |= {"mode": "evall", "gamma": 1}
    config["exam"] |= {"name": "pgd"}
    config["optimizer"] |= {"name": "adam", "momentum": 0.9}
    del config["model"]["name"]
    del config["threat"]["eps"]
    with pytest.raises(InputError) as error:
        bind(config)
    message = "\n".join(error.value.problems)
    for text in (
        "optimiser: no such group. Did you mean 'optimizer'?",
        "attack: no 'pdg' in attacks. Did you mean 'pgd'?",
        "update.mode: must be 'train' or 'eval', got 'evall'.",
        "update.gamma: no such knob of update=alternate.",
        ": this group has no members to choose from, got exam=pgd",
        "optimizer.momentum: no such knob of optimizer=adam. It is a knob of optimizer=muon, "
        "optimizer=sgd.",
        "model: needs a name",
        "threat.eps: needs a value (float > 0 <= 1); write threat.eps=VALUE.",
    ):
        assert text in message
    assert len(error.value.problems) == 8


@pytest.mark.parametrize("eps", [8, 2, 255])
def test_grey_levels_are_recognised(eps):
    with pytest.raises(InputError, match=f"did you mean threat.eps={eps}/255"):
        bind(groups(tiny_config(threat__eps=eps)))


def test_the_context_is_injected_by_name():
    def perturb(x, *, threat, rng=None):
        return threat, rng

    def other(x):
        return x

    context = Context(threat=1, memory=3)
    injected = inject(perturb, context)
    assert injected(0) == (1, None)
    context.threat = 2
    assert injected(0) == (2, None)
    assert inject(other, context) is other
    assert inject(perturb, context, {"memory"}) is perturb
    assert injected_names(perturb) == ("threat", "rng")


def test_a_parameter_without_a_range_is_named(tmp_path):
    """It would be no knob, and nothing would say so."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from trainables.methods.pgd_at import inner\n"
        "def outer(model, x, x_adv, y, *, criterion, weight: float = 1.0):\n"
        "    return weight * criterion(model(x_adv), y).mean()\n"
    )
    with pytest.raises(InputError, match=r"method.weight: outer\(\) .* write weight: Positive"):
        bind(groups(tiny_config(method={"name": str(file)})))
