"""What the papers measure, and which of our measurements is comparable."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A published measurement that we can make too.

    Attributes:
        title: What it is called in a heading, with its unit.
        attacks: Attacks of an evaluation on the test split, after all of which it is the accuracy;
            empty: clean accuracy.
        is_training_cost: Whether it is a cost of training, which depends on the machine: its
            numbers are put side by side, never subtracted.
        is_error: Whether it is an error, of which less is better, rather than an accuracy.
    """

    title: str
    attacks: frozenset[str] = frozenset()
    is_training_cost: bool = False
    is_error: bool = False


def attack_names(*attacks: str) -> frozenset[str]:
    """Return attacks by name."""
    return frozenset(attacks)


METRICS = {
    "clean_acc": Metric(title="clean %"),
    "pgd10_acc": Metric(title="PGD-10 %", attacks=attack_names("pgd_10")),
    "pgd20_acc": Metric(title="PGD-20 %", attacks=attack_names("pgd_20")),
    "pgd50_acc": Metric(title="PGD-50 %", attacks=attack_names("pgd_50")),
    "aa_acc": Metric(
        title="AutoAttack %", attacks=attack_names("apgd_ce", "apgd_t", "fab_t", "square_5000")
    ),
    "rays_acc": Metric(title="RayS %", attacks=attack_names("rays_40000")),
    "clean_err": Metric(title="clean error %", is_error=True),
    "pgd100_err": Metric(
        title="PGD-100 error %", attacks=attack_names("pgd_100_10"), is_error=True
    ),
    "apgd100_ce_err": Metric(
        title="APGD-CE error %", attacks=attack_names("apgd_ce"), is_error=True
    ),
    "apgd100_dlr_err": Metric(
        title="APGD-DLR error %", attacks=attack_names("apgd_dlr"), is_error=True
    ),
    "square5k_err": Metric(
        title="Square-5000 error %", attacks=attack_names("square_5000"), is_error=True
    ),
    "train_minutes_per_epoch": Metric(title="minutes an epoch", is_training_cost=True),
}
"""By the name of the measurement. What is not here is not measured, or not alike, here."""
ATTACK_ALIASES = {"square": "square_5000", "pgd": "pgd_10"}
"""Attacks of an evaluation whose defaults make them what a longer name spells out."""


def format_heading(metric: str) -> str:
    """Return the name of a measurement, with its unit.

    >>> format_heading("aa_acc"), format_heading("params_as_printed")
    ('AutoAttack %', 'params as printed')
    """
    return METRICS[metric].title if metric in METRICS else metric.replace("_", " ")


def parse_attacks(words: str) -> frozenset[str]:
    """Return the attacks that a comma-separated text names.

    >>> sorted(parse_attacks("fgsm,square"))
    ['fgsm', 'square_5000']
    """
    return frozenset(ATTACK_ALIASES.get(word, word) for word in words.split(",") if word)
