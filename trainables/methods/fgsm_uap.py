"""FGSM from a universal perturbation (Pan et al., AAAI 2024, doi:10.1609/aaai.v38i19.30147).

With `attack.shared_by=class` it is the paper's FGSM-CUAP.
"""

from trainables.methods.fgsm_pgi import inner as inner
from trainables.methods.fgsm_pgi import outer as outer

COMPANIONS = {
    "attack": {"name": "universal"},
    "update": {"name": "paired"},
    "criterion": {"name": "cross_entropy", "smoothing": 0.36},
}
"""The published code has torch's label smoothing of 0.4; with ten classes that is 0.36 here."""
