"""Stable single-step adversarial training (Kim et al., 2020, arXiv:2010.01799)."""

from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as outer

COMPANIONS = {"attack": {"name": "ssat"}, "update": {"name": "alternate", "mode": "train"}}
