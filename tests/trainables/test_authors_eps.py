"""The radius of periodic adversarial scheduling beside its authors' code, epoch by epoch.

liuchen11/AdversaryLossLandscape, commit 7345678: the curve cycle_cos of util/seq_parser.py, which
util/train.py reads once an epoch by default.
"""

import pytest

from tests.oracles import tiny_config
from trainables.binding import bind
from trainables.components import GROUPS
from trainables.threats.linf import Linf
from trainables.training.loop import step_settings
from tuner.config.compose import compose_plan
from tuner.search import parse_search_arguments


@pytest.mark.parametrize(
    ("epoch", "grey_levels"),
    [
        (0, 0.0),
        (1, 0.0039475170741472),
        (25, 2.3431457505076194),
        (49, 7.748713927374973),
        (99, 8.0),
        (100, 0.0),
        (101, 0.015786172573827528),
        (110, 1.5278640450004204),
        (150, 0.0),
        (160, 1.5278640450004204),
        (199, 8.0),
    ],
)
def test_every_step_of_an_epoch_has_the_radius_of_its_start(epoch, grey_levels):
    words = ["recipe=pas_cifar10", "optimizer.lr_batch_size=grid(1,2)"]
    (variant,) = compose_plan(*parse_search_arguments(words)).variants
    knobs = {group: variant.fixed[group] for group in ("eps_schedule", "periods")}
    config = tiny_config() | knobs
    parts = bind({key: value for key, value in config.items() if key in GROUPS})
    for step in (0.001, 0.5, 0.999):
        now = step_settings(parts, Linf(eps=8 / 255), 0.1, (epoch + step) / 200, epoch / 200)
        # the share of a period is rounded
        assert 255 * now.threat.eps == pytest.approx(grey_levels, rel=1e-9, abs=1e-12)
        assert now.threat.step_scale == pytest.approx(grey_levels / 8, rel=1e-9, abs=1e-12)
