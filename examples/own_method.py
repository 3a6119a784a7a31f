"""Training on clean and adversarial images (Goodfellow et al., 2015, arXiv:1412.6572).

A custom method is a file with `inner` and `outer`: `method=examples/own_method.py`. A keyword-only
argument whose type has a range is a knob, which can be set and searched. `uv run python
examples/own_method.py` searches `share`, in half a minute on two cores.
"""

from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import Fraction
from trainables.methods import pgd_at
from trainables.protocols import Criterion

inner = pgd_at.inner
"""The attack maximises the cross-entropy, as in PGD-AT."""


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    share: Fraction = 0.5,
) -> Tensor:
    """Return the training loss: a weighted mean of the clean and the adversarial loss.

    Args:
        model: Images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        share: Weight of the clean loss; 0 is PGD-AT.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    clean, adversarial = criterion(model(x), y), criterion(model(x_adv), y)
    return (share * clean + (1 - share) * adversarial).mean()


if __name__ == "__main__":
    from tuner import Study

    small_budget = {
        **{"threat.eps": 0.1, "attack.steps": 3, "eps_schedule.warmup": 0},
        **{"data.limit": 400, "data.validation": 100, "exam.steps": 3, "epochs": 2, "trials": 3},
    }
    Study(method=__file__, knobs={"method.share": "uniform(0,1)", **small_budget}).run()
