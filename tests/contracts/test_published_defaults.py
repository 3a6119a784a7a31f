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
        "aaer": {"weight": 0.15},
        "alp": {"beta": 1.0},
        "consistency": {"weight": 1.0, "temperature": 0.5},
        "dat": {"weighted_from": 1 / 120},
        "atas": {},
        "cure": {"weight": 4.0, "h": 0.6, "power": "norm"},
        "elle": {"weight": 1000.0, "schedule": "constant", "decay": 0.99, "sensitivity": 2.0},
        "fgsm": {},
        "fgsm_cure": {"weight": 0.06},
        "fgsm_mep_cs": {
            "weight": 1.0,
            "gamma": 0.03,
            "ratio": 1.0,
            "stride": 1,
            "phases": (100 / 110, 105 / 110),
        },
        "fgsm_pco": {"weight": 10.0, "stretch": 1.5},
        "fgsm_pgi": {"weight": 10.0},
        "fgsm_rs": {},
        "fgsm_uap": {"weight": 10.0},
        "gat": {"weight": 10.0, "late_factor": 4.0, "late": 0.86},
        "grad_align": {"weight": 0.2, "through_clip": True, "bn_updates": "published"},
        "hat": {"beta": 2.5, "helper_weight": 0.5, "reach": 2.0},
        "ikl": {"alpha": 4.0, "beta": 20.0, "temperature": 4.0},
        "lbgat": {"beta": 6.0},
        "liet": {"weight": 100.0},
        "llr": {"search": "loss", "gamma_weight": 2.0, "slope_weight": 0.6},
        "mart": {"beta": 5.0},
        "n_fgsm": {},
        "nuat": {"weight": 4.5, "ramp": 0.9},
        "pgd_at": {},
        "score": {"beta": 4.0, "label_smoothing": 0.0, "clip": 0.0},
        "ssat": {},
        "standard": {},
        "tdat": {"weight": 0.65, "beta": 0.6, "floor": 0.15},
        "trades": {"beta": 6.0, "variant": "kl", "bn_updates": "published"},
        "zero_grad": {},
    },
    "attack": {
        "adam": {"steps": 10, "rate": 0.1},
        "apgd": {"steps": 10},
        "atas": {
            "longest": 16 / 255,
            "least": 4 / 255,
            "most": 14 / 255,
            "hardness": 0.01,
            "beta": 0.5,
            "constant": 5,
            "resets": 10,
        },
        "dynamic": {
            **PGD,
            "fosc": 0.5,
            "vanishes": 100 / 120,
            "origin": "image",
            "first_step": True,
            "project_start": True,
        },
        "fgsm": {"reach": 1.0},
        "fgsm_bernoulli": {"noise": 0.5, "reach": 1.0},
        "fgsm_rs": {"reach": 1.25},
        "friendly": {**PGD, "tolerance": 0, "grows": (), "omega": 0.0},
        "label_information": {
            "renewal": 20,
            "fewest": 0.1,
            "most": 0.5,
            "noise": 1.0,
            "reach": 1.0,
            "project": True,
        },
        "n_fgsm": {"noise": 2.0, "reach": 1.0, "clip_noise": True},
        "pgd": {**PGD, "project_start": True, "restarts": 1},
        "prior_batch": {"reach": 1.0},
        "prior_epoch": {"decay": 0.3, "resets": 40, "reach": 1.0, "project_start": False},
        "ssat": {"checkpoints": 3, "reach": 1.25},
        "universal": {"shared_by": "all", "size": 1.25, "decay": 0.3, "reach": 1.0},
        "zero_grad": {"zeroed": 0.35, "reach": 2.0},
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
        "paired": {},
        "yopo": {"passes": 5, "steps": 3, "step_size": None},
    },
    "criterion": {
        "cross_entropy": {"smoothing": 0.0},
        "hypersphere": {"m": 0.2},
        "random_smoothing": {"smoothing": 0.6},
    },
    "schedule": {
        "constant": {},
        "cosine": {},
        "linear": {"bends": (0.33, 0.665)},
        "multiple_decay": {"levels": 10},
        "one_cycle": {"peak": 0.4, "first": 0.0, "shape": "linear"},
        "piecewise": {"drops": (100 / 110, 105 / 110), "decay": 0.1},
    },
    "eps_schedule": {"constant": {}, "cosine": {"peak": 1.5}, "linear": {"peak": 2.0}},
    "average": {
        "ema": {"decay": 0.995, "warmup": True, "max_share": 0.05},
        "ensemble": {},
        "none": {},
        "swa": {"start": 0.75, "every": "epoch", "statistics": "recomputed"},
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
ONE_STEP_IN_EVAL = {"name": "alternate", "mode": "eval"}
PAIRED = {"name": "paired"}
RELAXED = {"name": "cross_entropy", "smoothing": 0.4}
UNPROJECTED = {"name": "pgd", "start": "gaussian", "project_start": False}
COMPANIONS = {
    "adr": {
        "teacher": {"name": "average"},
        "average": {"name": "ema", "decay": 0.995, "warmup": False, "max_share": 0.0},
        "update": ONE_STEP,
    },
    "aaer": {"attack": {"name": "n_fgsm"}, "update": PAIRED},
    "atas": {"attack": {"name": "atas"}, "update": ONE_STEP_IN_EVAL},
    "dat": {"attack": {"name": "dynamic", "origin": "start", "project_start": False}},
    "elle": {"attack": {"name": "fgsm"}, "update": ONE_STEP},
    "fgsm": {"attack": {"name": "fgsm"}, "update": ONE_STEP},
    "fgsm_cure": {"attack": {"name": "fgsm"}, "update": ONE_STEP},
    "fgsm_mep_cs": {
        "attack": {"name": "prior_epoch"},
        "update": ONE_STEP,
        "criterion": RELAXED,
    },
    "fgsm_pco": {
        "attack": {"name": "prior_epoch", "decay": 0.0, "resets": None},
        "update": PAIRED,
        "criterion": RELAXED,
    },
    "fgsm_pgi": {"attack": {"name": "prior_epoch"}, "update": PAIRED, "criterion": RELAXED},
    "fgsm_rs": {"attack": {"name": "fgsm_rs"}, "update": ONE_STEP},
    "fgsm_uap": {
        "attack": {"name": "universal"},
        "update": PAIRED,
        "criterion": {"name": "cross_entropy", "smoothing": 0.36},
    },
    "gat": {"attack": {"name": "fgsm_bernoulli"}, "update": ONE_STEP_IN_EVAL},
    "grad_align": {"attack": {"name": "fgsm"}, "update": ONE_STEP},
    "hat": {"teacher": {"name": "file"}, "attack": UNPROJECTED},
    "ikl": {"attack": UNPROJECTED},
    "lbgat": {"teacher": {"name": "trained", "model": "resnet18"}, "attack": UNPROJECTED},
    "score": {"update": ONE_STEP},
    "liet": {
        "attack": {"name": "label_information"},
        "update": PAIRED,
        "criterion": {"name": "random_smoothing"},
    },
    "llr": {"attack": {"name": "adam"}},
    "mart": {"attack": UNPROJECTED},
    "n_fgsm": {"attack": {"name": "n_fgsm"}, "update": ONE_STEP},
    "nuat": {"attack": {"name": "fgsm_bernoulli"}, "update": ONE_STEP_IN_EVAL},
    "ssat": {"attack": {"name": "ssat"}, "update": ONE_STEP},
    "tdat": {"attack": {"name": "prior_batch"}, "update": PAIRED},
    "trades": {"attack": UNPROJECTED},
    "zero_grad": {"attack": {"name": "zero_grad"}, "update": ONE_STEP},
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
