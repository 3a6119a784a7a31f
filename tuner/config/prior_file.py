"""Read a file of priors, `searcher.prior=FILE`: the most probable value and spread of each knob."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from ray.tune.search.sample import Domain

from trainables.errors import did_you_mean
from trainables.io import safe_yaml
from tuner.cli.values import parse_value
from tuner.config.domain_parser import is_finite, number_or_text
from tuner.config.priors import KnobPrior, attach_prior, check_prior, find_prior

KEY = "searcher.prior"
Searched = Mapping[str, Mapping[str, object]]
"""Domains by path of the searched knob, by label of the variant."""


def apply_prior_file(
    file: object, searched: Searched, problems: list[str]
) -> dict[str, dict[str, object]]:
    """Return the domains of each variant with the priors of a file; append to `problems`.

    Args:
        file: Path of a YAML file, {knob: [value, spread]}, as `check_member` accepts it; `None`:
            change nothing.
        searched: Domains of the variants.
        problems: What is wrong, a sentence each.
    """
    result = {label: dict(domains) for label, domains in searched.items()}
    if file is None:
        return result
    try:
        content = safe_yaml.read_yaml(Path(str(file)))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        problems.append(f"{KEY}: {file} cannot be read ({str(error).splitlines()[0]}).")
        return result
    if not isinstance(content, dict) or not content:
        problems.append(
            f"{KEY}: {file} must have lines such as `optimizer.weight_decay: [5e-4, 3]`, "
            f"got {content!r}."
        )
        return result
    known = sorted({path for domains in searched.values() for path in domains})
    for path, entry in content.items():
        if path not in known:
            problems.append(
                f"{KEY}: {file} has {path}, which is not searched."
                f"{did_you_mean(str(path), known)} Searched: {', '.join(known)}."
            )
        elif (prior := parse_entry(entry)) is None:
            problems.append(f"{KEY}: {file} must have {path}: [VALUE, SPREAD], got {entry!r}.")
        else:
            flaws = [flaw for each in result.values() for flaw in set_prior(each, path, prior)]
            problems += [f"{KEY}: {file}: {path} {flaw}" for flaw in dict.fromkeys(flaws)]
    return result


def parse_entry(entry: object) -> KnobPrior | None:
    """Return the prior that an entry of the file describes; `None`: it is malformed."""
    if not isinstance(entry, list) or len(entry) != 2:
        return None
    try:  # YAML reads 5e-4 as text
        centre, spread = (
            parse_value(number_or_text(item) if isinstance(item, str) else item) for item in entry
        )
    except ValueError:
        return None
    return KnobPrior(centre, float(spread)) if is_finite(spread) else None


def set_prior(domains: dict[str, object], path: str, prior: KnobPrior) -> Iterator[str]:
    """Set the prior of a knob, if a variant searches it; yield why it does not fit."""
    domain = domains.get(path)
    if domain is None:
        return
    if find_prior(domain):
        yield "has a prior in its domain, prior(...), too; write it once."
    elif not isinstance(domain, Domain):
        yield "is a grid, which is tried cell by cell; write choice(...) for grid(...)."
    elif flaws := list(check_prior(prior, domain)):
        yield from flaws
    else:
        domains[path] = attach_prior(domain, prior)
