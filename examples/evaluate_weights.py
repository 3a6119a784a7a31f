"""Attack weights that were trained elsewhere: `uv run python examples/evaluate_weights.py`.

A few seconds. The weights here are those of a LeNet that torch has just drawn, which nothing needs
to fool; put the path of your own state dictionary in their place.
"""

import sys

import torch

from trainables.models.lenet import build
from tuner.evaluate import main

WEIGHTS = "lenet.pt"
WORDS = [
    f"weights={WEIGHTS}",
    *("model=lenet", "data=mnist5k", "threat=linf", "threat.eps=0.3"),
    *("suite=fgsm,pgd_5", "images=50"),
]

if __name__ == "__main__":
    torch.manual_seed(0)
    torch.save(build((1, 28, 28), 10).state_dict(), WEIGHTS)
    sys.exit(main(WORDS))
