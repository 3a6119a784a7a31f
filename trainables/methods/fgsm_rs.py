"""Fast adversarial training: one step from a random start (Wong et al., 2020, arXiv:2001.03994).

PGD-AT's two objectives, published with another attack.
"""

from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as outer

COMPANIONS = {"attack": {"name": "fgsm_rs"}, "update": {"name": "alternate", "mode": "train"}}
