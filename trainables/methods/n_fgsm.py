"""One noisy, unprojected step: N-FGSM (de Jorge et al., 2022, arXiv:2202.01181).

PGD-AT's two objectives, published with another attack.
"""

from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as outer

COMPANIONS = {"attack": {"name": "n_fgsm"}, "update": {"name": "alternate", "mode": "train"}}
