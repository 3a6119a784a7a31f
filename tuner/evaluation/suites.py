"""Suites of attacks, and the parser of `suite=`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trainables.binding import bind_member, check_member
from trainables.evaluation.attempt import AttackAttempt
from trainables.hparams.knobs import read_knobs
from trainables.hparams.registry import find_hook
from trainables.injection import inject
from tuner.commands.evaluate import ATTACKS, SUITES

NORM_KNOBS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "l1": {"apgd_ce": {"restarts": 5}, "apgd_t": {"targets": 5}}
}
"""Knobs that the standard version of AutoAttack sets in a norm alone."""


@dataclass(frozen=True, kw_only=True)
class EvaluationContext:
    """The values that the hook `passes` of an attack can request as parameters.

    Attributes:
        classes: Number of classes K.
    """

    classes: int


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One attack of a suite.

    Attributes:
        label: Name and numbers, for example "pgd_50_10".
        name: Name of its module.
        knobs: Values of all its knobs.
    """

    label: str
    name: str
    knobs: dict[str, object]

    def build_attempts(self, classes: int) -> list[AttackAttempt]:
        """Return the attempts of the attack on a data set of `classes` classes."""
        passes: Callable[..., list[AttackAttempt]] = bind_member(ATTACKS, self.name, self.knobs)[
            "passes"
        ]
        return inject(passes, EvaluationContext(classes=classes))()

    @property
    def is_black_box(self) -> bool:
        """Whether the attack uses no gradients."""
        return getattr(ATTACKS.load(self.name), "BLACK_BOX", False)

    def class_conflict(self, classes: int) -> str | None:
        """Return why the attack cannot run on `classes` classes; `None`: it can."""
        conflicts = find_hook(ATTACKS.load(self.name), "conflicts")
        conflict: str | None = conflicts(classes) if callable(conflicts) else None
        return conflict


def parse_suite(
    suite: str | Sequence[str], given_knobs: Mapping[str, Mapping[str, object]], norm: str = ""
) -> tuple[list[Attack], list[str]]:
    """Return the attacks of a suite, and the problems.

    Args:
        suite: A key of `SUITES`, an attack, or several of them. Numbers after the name of an
            attack set its first knobs: pgd_50_10 is PGD with 50 steps and 10 restarts.
        given_knobs: Knobs by name of the attack.
        norm: Name of the threat.
    """
    words = [suite] if isinstance(suite, str) else list(suite)
    flat = [attack for word in words for attack in SUITES.get(str(word), (str(word),))]
    problems: list[str] = []
    attacks: list[Attack] = []
    of_norm = NORM_KNOBS.get(norm, {})
    for word in dict.fromkeys(flat):
        knobs = given_knobs
        if word in of_norm:  # without numbers, which set the knobs otherwise
            knobs = {**given_knobs, word: {**of_norm[word], **given_knobs.get(word, {})}}
        attack = parse_attack(word, knobs, problems)
        if attack and all((a.name, a.knobs) != (attack.name, attack.knobs) for a in attacks):
            attacks.append(attack)
    names = {split_attack_name(word)[0] for word in flat}
    unused = [name for name in given_knobs if name not in names]
    problems += [f"{name}: is no attack of the suite; write suite={name}." for name in unused]
    return attacks, problems


def parse_attack(
    word: str, given_knobs: Mapping[str, Mapping[str, object]], problems: list[str]
) -> Attack | None:
    """Return the attack that `word` names; append its problems to `problems`."""
    name, numbers = split_attack_name(word)
    try:
        function = ATTACKS.load(name).passes
    except LookupError:
        available = ", ".join([*SUITES, *ATTACKS.members()])
        problems.append(f"suite: no attack {word!r}. There are: {available}.")
        return None
    short = getattr(ATTACKS.load(name), "NUMBERS", ())
    if len(numbers) > len(short):
        takes = " and ".join(short) or "none"
        problems.append(f"suite: {word} has {len(numbers)} numbers; {name} takes {takes}.")
        return None
    given, from_word = dict(given_knobs.get(name, {})), dict(zip(short, numbers, strict=False))
    values = given | from_word
    invalid = [
        f"{name}.{knob}: is {value} in suite={word}, got {given[knob]} too; write it once."
        for knob, value in from_word.items()
        if knob in given
    ]
    invalid += check_member(name, ATTACKS, name, values)
    problems += invalid
    if invalid:
        return None
    known_knobs = read_knobs(function)
    complete = {k: knob.default for k, knob in known_knobs.items()} | values
    checked = {k: known_knobs[k].validate(v) for k, v in complete.items()}
    return Attack(label="_".join([name, *map(str, numbers)]), name=name, knobs=checked)


def split_attack_name(word: str) -> tuple[str, list[int]]:
    """Return the name of an attack and the numbers after it.

    >>> split_attack_name("pgd_50_10")
    ('pgd', [50, 10])
    >>> split_attack_name("apgd_t")
    ('apgd_t', [])
    """
    match = re.fullmatch(r"(.*?)((?:_\d+)*)", word)
    assert match is not None
    return match[1], [int(number) for number in match[2].split("_")[1:]]
