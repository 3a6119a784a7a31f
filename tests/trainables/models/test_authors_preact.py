"""PreAct-ResNet-18 beside the code of the papers that train it, at the same weights.

The numbers are the logits of their networks in eval mode and float64, weights and images as in
`formulas`:

- rice: locuslab/robust_overfitting, commit c47a25c, preactresnet.py
- wong: locuslab/fast_adversarial, commit 54f7287, CIFAR10/preact_resnet.py
- gradalign: tml-epfl/understanding-fast-adv-training, commit ceed494, models.py
"""

import pytest
import torch

from tests.trainables.formulas import fill, images
from trainables.models import preact_resnet18
from tuner.config.compose import compose_plan
from tuner.search import parse_search_arguments

RICE = [0.110086077912, 0.886700285471, 1.542711391321, 1.821271313569, 1.694866903156]
WONG = [0.50661720839, 0.915972181046, 1.199692076886, 1.164927405997, 0.838026975375]
GRADALIGN = [0.039629616695, -0.07780848178, -0.081150348048, 0.034540178642, 0.099791264318]


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("rice2020", RICE),
        ("cifar10", RICE),
        ("wong2020", WONG),
        ("grad_align", GRADALIGN),
        ("grad_align_svhn", GRADALIGN),
    ],
)
def test_the_network_of_a_recipe_returns_the_logits_of_its_authors(recipe, expected):
    words = [f"recipe={recipe}", "optimizer.lr_batch_size=grid(1,2)"]
    (variant,) = compose_plan(*parse_search_arguments(words)).variants
    knobs = {knob: variant.fixed["model"][knob] for knob in ("width", "shortcut", "final_norm")}
    model = fill(preact_resnet18.build((3, 32, 32), 10, **knobs)).eval()
    with torch.no_grad():
        logits = model(images(2, (3, 32, 32)))[0, :5]
    # the expected numbers have 12 decimals
    assert logits.tolist() == pytest.approx(expected, rel=0, abs=1e-11)
