"""ZeroGrad: FGSM without the small gradients (Golgooni et al., 2021, arXiv:2103.15476)."""

from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as outer

COMPANIONS = {"attack": {"name": "zero_grad"}, "update": {"name": "alternate", "mode": "train"}}
