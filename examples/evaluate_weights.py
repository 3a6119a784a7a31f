"""Evaluate weights that were trained with other software.

`uv run python examples/evaluate_weights.py` takes a few seconds. To have a file to evaluate, it
saves a LeNet with random weights; replace it by the path of your state dictionary.
"""

import torch

from trainables.models.lenet import build
from tuner import evaluate

WEIGHTS = "lenet.pt"


def main() -> None:
    """Save a network and attack it."""
    torch.manual_seed(0)
    torch.save(build((1, 28, 28), 10).state_dict(), WEIGHTS)
    frame = evaluate(
        weights=WEIGHTS,
        model="lenet",
        data="mnist5k",
        threat={"name": "linf", "eps": 0.3},
        suite="fgsm,pgd_5",
        images=50,
    )
    print(frame[["attack", "robust_accuracy", "low", "high"]])


if __name__ == "__main__":
    main()
