"""ATAS: adversarial training with adaptive step sizes (Huang et al., 2022, arXiv:2208.08909)."""

from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as outer

COMPANIONS = {"attack": {"name": "atas"}, "update": {"name": "alternate", "mode": "eval"}}
