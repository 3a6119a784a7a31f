"""What the papers measure, and what of ours may stand beside it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A published measurement that we can make as well.

    Attributes:
        title: What it is called in a heading, with its unit.
        attacks: Attacks of an evaluation on the test split, after all of which it is the accuracy;
            none: clean accuracy.
        of_training: Whether it is of training itself, and hangs on the machine: its numbers are put
            side by side, never subtracted.
        error: Whether it is an error, of which less is better, rather than an accuracy.
    """

    title: str
    attacks: frozenset[str] = frozenset()
    of_training: bool = False
    error: bool = False


def under(*attacks: str) -> frozenset[str]:
    """Return attacks by name."""
    return frozenset(attacks)


METRICS = {
    "clean_acc": Metric(title="clean %"),
    "pgd10_acc": Metric(title="PGD-10 %", attacks=under("pgd_10")),
    "aa_acc": Metric(
        title="AutoAttack %", attacks=under("apgd_ce", "apgd_t", "fab_t", "square_5000")
    ),
    "rays_acc": Metric(title="RayS %", attacks=under("rays_40000")),
    "clean_err": Metric(title="clean error %", error=True),
    "pgd100_err": Metric(title="PGD-100 error %", attacks=under("pgd_100_10"), error=True),
    "apgd100_ce_err": Metric(title="APGD-CE error %", attacks=under("apgd_ce"), error=True),
    "apgd100_dlr_err": Metric(title="APGD-DLR error %", attacks=under("apgd_dlr"), error=True),
    "square5k_err": Metric(title="Square-5000 error %", attacks=under("square_5000"), error=True),
    "train_minutes_per_epoch": Metric(title="minutes an epoch", of_training=True),
}
"""By the name of the measurement. What is not here is not measured, or not alike, here."""
SAME_ATTACK = {"square": "square_5000", "pgd": "pgd_10"}
"""Attacks of an evaluation whose defaults make them what a longer name spells out."""


def heading(metric: str) -> str:
    """Return what a measurement is called, with its unit.

    >>> heading("aa_acc"), heading("params_as_printed")
    ('AutoAttack %', 'params as printed')
    """
    return METRICS[metric].title if metric in METRICS else metric.replace("_", " ")


def attacks(words: str) -> frozenset[str]:
    """Return the attacks that words with commas between name.

    >>> sorted(attacks("fgsm,square"))
    ['fgsm', 'square_5000']
    """
    return frozenset(SAME_ATTACK.get(word, word) for word in words.split(",") if word)
