"""The defaults of knobs, which the papers or their code set; docstrings say where others do."""

import pytest

from trainables.components import GROUPS
from trainables.hparams.knobs import REQUIRED
from tuner.config.study_groups import STUDY_GROUPS

PGD = {"steps": 10, "step_size": None, "start": "random"}
PUBLISHED = {
    "method": {
        "adr": {
            "temperature_first": 2.5,
            "temperature_last": 2.0,
            "share_first": 0.7,
            "share_last": 0.95,
        },
        "alp": {"beta": 1.0},
        "consistency": {"weight": 1.0, "temperature": 0.5},
        "dat": {"weighted_from": 1 / 120},
        "cure": {"weight": 4.0, "h": 0.6, "power": "norm"},
        "fgsm": {},
        "fgsm_cure": {"weight": 0.06},
        "fgsm_rs": {},
        "grad_align": {"weight": 0.2, "through_clip": True, "bn_updates": "published"},
        "hat": {"beta": 2.5, "helper_weight": 0.5, "reach": 2.0},
        "ikl": {"alpha": 4.0, "beta": 20.0, "temperature": 4.0},
        "lbgat": {"beta": 6.0},
        "llr": {"search": "loss", "gamma_weight": 2.0, "slope_weight": 0.6},
        "mart": {"beta": 5.0},
        "n_fgsm": {},
        "pgd_at": {},
        "score": {"beta": 4.0, "label_smoothing": 0.0, "clip": 0.0},
        "standard": {},
        "trades": {"beta": 6.0, "variant": "kl", "bn_updates": "published"},
    },
    "attack": {
        "adam": {"steps": 10, "rate": 0.1},
        "apgd": {"steps": 10},
        "dynamic": {
            **PGD,
            "fosc": 0.5,
            "vanishes": 100 / 120,
            "origin": "image",
            "first_step": True,
            "project_start": True,
        },
        "fgsm": {"reach": 1.0},
        "fgsm_rs": {"reach": 1.25},
        "friendly": {**PGD, "tolerance": 0, "grows": (), "omega": 0.0},
        "n_fgsm": {"noise": 2.0, "reach": 1.0, "clip_noise": True},
        "pgd": {**PGD, "project_start": True, "restarts": 1},
    },
    "update": {
        "alternate": {"mode": "eval", "micro_batch": None},
        "awp": {"mode": "eval", "gamma": 0.01, "begins": 0.0, "bn_updates": "published"},
        "free": {"replays": 8, "reach": 1.0, "at_range": "stay"},
        "multi_norm": {
            "combine": "max",
            "eps_linf": 8 / 255,
            "eps_l2": None,
            "eps_l1": 12.0,
            "mode": "eval",
        },
        "yopo": {"passes": 5, "steps": 3, "step_size": None},
    },
    "criterion": {"cross_entropy": {"smoothing": 0.0}, "hypersphere": {"m": 0.2}},
    "schedule": {
        "constant": {},
        "cosine": {},
        "linear": {"bends": (0.33, 0.665)},
        "multiple_decay": {"levels": 10},
        "one_cycle": {"peak": 0.4},
        "piecewise": {"drops": (100 / 110, 105 / 110), "decay": 0.1},
    },
    "eps_schedule": {"constant": {}, "cosine": {"peak": 1.5}, "linear": {"peak": 2.0}},
    "average": {
        "ema": {"decay": 0.995, "warmup": True, "max_share": 0.05},
        "ensemble": {},
        "none": {},
    },
    "teacher": {
        "average": {},
        "file": {"model": None},
        "none": {},
        "trained": {"model": None},
    },
    "threat": {"l1": {"density": 0.05}, "l2": {}, "linf": {}},
    "exam": {None: {"steps": 10, "step_size": None, "restarts": 1, "exam_batch": 250}},
    "scheduler": {
        "asha": {
            "variant": "promotion",
            "rungs": "auto",
            "grace": None,
            "reduction_factor": 4,
            "brackets": 1,
            "correction": "auto",
        },
        "halving": {"rungs": "auto", "keep": (0.25,), "settle": 0.04, "correction": "auto"},
        "hyperband": {"grace": None, "reduction_factor": 3},
        "median": {"grace": None, "least": 3},
        "none": {},
        "pb2": {"interval": 0.125, "quantile": 0.25},
        "pbt": {"interval": 0.125, "quantile": 0.25, "resample": 0.25},
    },
}
ONE_STEP = {"name": "alternate", "mode": "train"}
UNPROJECTED = {"name": "pgd", "start": "gaussian", "project_start": False}
COMPANIONS = {
    "adr": {
        "teacher": {"name": "average"},
        "average": {"name": "ema", "decay": 0.995, "warmup": False, "max_share": 0.0},
        "update": ONE_STEP,
    },
    "dat": {"attack": {"name": "dynamic", "origin": "start", "project_start": False}},
    "fgsm": {"attack": {"name": "fgsm"}, "update": ONE_STEP},
    "fgsm_cure": {"attack": {"name": "fgsm"}, "update": ONE_STEP},
    "fgsm_rs": {"attack": {"name": "fgsm_rs"}, "update": ONE_STEP},
    "grad_align": {"attack": {"name": "fgsm"}, "update": ONE_STEP},
    "hat": {"teacher": {"name": "file"}, "attack": UNPROJECTED},
    "ikl": {"attack": UNPROJECTED},
    "lbgat": {"teacher": {"name": "trained", "model": "resnet18"}, "attack": UNPROJECTED},
    "llr": {"attack": {"name": "adam"}},
    "mart": {"attack": UNPROJECTED},
    "n_fgsm": {"attack": {"name": "n_fgsm"}, "update": ONE_STEP},
    "score": {"update": ONE_STEP},
    "trades": {"attack": UNPROJECTED},
}
FORMER_VALUES = {
    "method.grad_align": {"through_clip": False, "bn_updates": "each_pass"},
    "method.llr": {"search": "gap"},
    "method.trades": {"bn_updates": "each_pass"},
    "attack.dynamic": {"origin": "image", "first_step": False, "project_start": True},
    "attack.n_fgsm": {"clip_noise": False},
    "attack.pgd": {"project_start": True},
    "update.awp": {"bn_updates": "each_pass"},
    "update.free": {"at_range": "move"},
    "average.ema": {"warmup": False, "max_share": 0.0},
    "eps_schedule.cosine": {"every": "step"},
    "eps_schedule.linear": {"every": "step"},
    "eps_schedule.constant": {"every": "step"},
    "model.preact_resnet18": {"shortcut": "activated", "final_norm": True},
}
"""What members did before they had a knob, which older studies keep."""
FORMER_VALUES_OF_ALL = {
    "data": {"extra": None, "extra_share": 0.0},
    "optimizer": {"loaded_lr_factor": 1.0},
}
"""The same for knobs that all members of a group have."""


def defaults(group, member):
    """Return the defaults of a member's knobs, without those of its whole group."""
    common = set(group.common_knobs())
    return {
        name: knob.default
        for name, knob in group.member_knobs(member).items()
        if knob.default is not REQUIRED and (member is None or name not in common)
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_defaults_are_the_published_ones(name):
    group = (GROUPS | STUDY_GROUPS)[name]
    members = group.members() if None not in PUBLISHED[name] else [None]
    assert {member: defaults(group, member) for member in members} == PUBLISHED[name]


def test_methods_bring_the_published_attack_and_update():
    methods = {name: GROUPS["method"].load(name) for name in GROUPS["method"].members()}
    found = {name: getattr(module, "COMPANIONS", None) for name, module in methods.items()}
    assert {name: each for name, each in found.items() if each} == COMPANIONS


def test_former_values_are_what_the_code_did():
    found = {
        f"{name}.{member}": former
        for name, group in GROUPS.items()
        for member in group.members()
        if (former := group.former_values(member))
    }
    of_all = {
        f"{name}.{member}": former
        for name, former in FORMER_VALUES_OF_ALL.items()
        for member in GROUPS[name].members()
    }
    assert found == FORMER_VALUES | of_all
