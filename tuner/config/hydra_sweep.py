"""Sweeps of Hydra, also of its Optuna sweeper, as arguments of a search (hydra.cc, "Sweeper")."""

import re
from collections.abc import Mapping

from trainables.hparams.group import group_values

SAMPLERS = {
    "TPESampler": "tpe",
    "RandomSampler": "random",
    "CmaEsSampler": "cmaes",
    "NSGAIISampler": "nsga2",
    "GPSampler": "gp",
    "QMCSampler": "qmc",
    "GridSampler": "grid",
}
"""Samplers of Optuna to searchers."""
CALL = re.compile(r"\s*(\w+)\((.*)\)\s*", re.DOTALL)
READ = {"params", "n_trials", "n_jobs", "sampler", "_target_"}


def is_hydra_sweep(content: Mapping[str, object]) -> bool:
    """Return whether a file configures a sweeper of Hydra."""
    return bool(group_values(content, "hydra")) or "hydra.sweeper.params" in content


def read_hydra_sweep(
    content: Mapping[str, object], notes: list[str], problems: list[str]
) -> dict[str, object]:
    """Return a sweep as arguments: the keys beside `hydra`, and the swept parameters.

    Args:
        content: The content of the file.
        notes: Extended by what is ignored.
        problems: Extended by what cannot be expressed.
    """
    hydra = group_values(content, "hydra")
    sweeper = {**group_values(hydra, "sweeper")}
    if "hydra.sweeper.params" in content:
        sweeper["params"] = content["hydra.sweeper.params"]
    others = {k: v for k, v in content.items() if not k.startswith("hydra") and k != "defaults"}
    arguments = {**others, **read_sampler(sweeper, notes)}
    ignored = [
        *(["defaults"] if "defaults" in content else []),
        *(f"hydra.{key}" for key in hydra if key != "sweeper"),
        *(f"hydra.sweeper.{key}" for key in sweeper if key not in READ),
    ]
    if ignored:
        notes.append(f"ignored {', '.join(ignored)}; the search maximises robust accuracy.")
    is_optuna = bool({"n_trials", "sampler"} & sweeper.keys())
    for path, value in group_values(sweeper, "params").items():
        try:
            arguments[path] = read_override(str(value), is_optuna=is_optuna)
        except ValueError as error:
            problems.append(f"{path}: {error}")
    return arguments


def read_sampler(sweeper: Mapping[str, object], notes: list[str]) -> dict[str, object]:
    """Return searcher, seed, trials and concurrency of the Optuna sweeper."""
    sampler = group_values(sweeper, "sampler")
    name = str(sampler.get("_target_", "")).rpartition(".")[2]
    found: dict[str, object] = {
        key: sweeper[source]
        for key, source in (("trials", "n_trials"), ("concurrency", "n_jobs"))
        if source in sweeper
    }
    if name in SAMPLERS:
        found["searcher"] = SAMPLERS[name]
    elif name:
        notes.append(f"ignored the sampler {name}; there are: {', '.join(SAMPLERS)}.")
    if isinstance(sampler.get("seed"), int):
        found["seed"] = sampler["seed"]
    return found


def read_override(text: str, *, is_optuna: bool) -> str:
    """Return an override of Hydra as it is typed here.

    Args:
        text: A value, values with commas between, or a sweep.
        is_optuna: Whether the Optuna sweeper reads it; the basic one tries every value.

    Raises:
        ValueError: If there is no such domain here.

    >>> read_override("tag(log, interval(1e-4, 0.1))", is_optuna=True)
    'loguniform(1e-4,0.1)'
    >>> read_override("int(interval(1, 8))", is_optuna=True), read_override("a,b", is_optuna=False)
    ('randint(1,9)', 'grid(a,b)')
    """
    inner, flags = strip_modifiers(text)
    match = CALL.fullmatch(inner)
    if not match:
        listed = "," in inner and not inner.startswith("[")
        return f"{'choice' if is_optuna else 'grid'}({inner})" if listed else inner
    name, arguments = match[1], [part.partition("=")[2] or part for part in split(match[2])]
    if name == "choice":
        return f"{'choice' if is_optuna else 'grid'}({','.join(arguments)})"
    if name == "interval" and len(arguments) == 2:
        return interval(arguments[0], arguments[1], flags)
    if name == "range" and len(arguments) in {2, 3}:
        return number_range(*arguments, is_optuna=is_optuna)
    raise ValueError(f"no domain for {text}; there are: choice, range, interval, tag(log, ...).")


def strip_modifiers(text: str) -> tuple[str, set[str]]:
    """Return a sweep without tag(...), int(...) and float(...), and the names of these.

    >>> strip_modifiers("tag(log, int(interval(1, 8)))") == ("interval(1, 8)", {"log", "int"})
    True
    """
    flags: set[str] = set()
    while (match := CALL.fullmatch(text)) and match[1] in {"tag", "int", "float"}:
        *tags, text = split(match[2])
        flags |= {*tags, match[1]} - {"tag"}
    return text.strip(), flags


def split(text: str) -> list[str]:
    """Return the arguments of a call.

    >>> split("log, interval(1, 8)")
    ['log', 'interval(1, 8)']
    """
    return [part.strip() for part in re.split(r",(?![^(\[]*[)\]])", text)]


def interval(low: str, high: str, flags: set[str]) -> str:
    """Return an interval as a domain; the upper end of whole numbers is included by Optuna."""
    log = "log" if "log" in flags else ""
    if "int" in flags:
        return f"{log}randint({low},{int(float(high)) + 1})"
    return f"{log}uniform({low},{high})"


def number_range(low: str, high: str, step: str = "1", *, is_optuna: bool) -> str:
    """Return a range as a domain: Optuna's includes its upper end, the basic sweeper's does not."""
    start, stop, by = (float(each) for each in (low, high, step))
    if is_optuna:
        whole = all(each.is_integer() for each in (start, stop, by))
        return f"{'qrandint' if whole else 'quniform'}({low},{high},{step})"
    count = max(0, round((stop - start) / by))
    return f"grid({','.join(f'{start + i * by:g}' for i in range(count))})"
