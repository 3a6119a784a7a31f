"""FGSM adversarial training: one step from the image (Goodfellow et al., 2015, arXiv:1412.6572).

PGD-AT's two objectives, published with another attack.
"""

from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as outer

COMPANIONS = {"attack": {"name": "fgsm"}, "update": {"name": "alternate", "mode": "train"}}
