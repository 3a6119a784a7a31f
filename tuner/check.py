"""What can be wrong with a study, found before Ray starts and told all at once."""

from collections.abc import Iterator, Mapping
from typing import Any

from trainables.bind import complaints, misfit
from trainables.groups import GROUPS
from trainables.knobs import knobs
from tuner.domains import is_bounded, is_domain, is_grid, probes, spelled, values
from tuner.settings import Settings
from tuner.study_groups import STUDY_GROUPS

NEVER_SEARCHED = {
    "threat": "it is the question that a study asks (a grid() of radii asks one after the other)",
    "exam": "trials that sit different exams cannot be compared",
    "data.validation": "trials that sit different exams cannot be compared",
    "data.split_seed": "trials that sit different exams cannot be compared",
}


def nothing_searched(spaces: list[str]) -> str:
    """Return the problem of a study that would try one configuration over and over."""
    return (
        f"space: nothing is searched; name a space, e.g. space=weight_decay (there are: "
        f"{', '.join(spaces)}), or a range, e.g. optimizer.lr=loguniform(1e-3,1e-1)."
    )


def configuration(
    groups: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    """Yield what is wrong with the groups of a trial and what is searched in them."""
    for name, settings in groups.items():
        if name not in GROUPS:
            yield f"{name}: the space or recipe names a group that there is not."
            continue
        # a domain stands for its first value here; all of them are looked at below
        if endless := [k for k, v in settings.items() if is_domain(v) and not is_bounded(v)]:
            yield f"{name}.{endless[0]}: needs a domain with ends or a list, such as uniform(...)."
            continue
        values_ = {k: next(probes(v)) if is_domain(v) else v for k, v in settings.items()}
        yield from complaints(name, GROUPS[name], values_.pop("name", None), values_)
        yield from domains(name, settings)
    yield from overlong_step(groups)


def domains(name: str, settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the searched knobs of one group."""
    searched = {knob: value for knob, value in settings.items() if is_domain(value)}
    if "name" in searched:
        yield f"{name}: cannot be searched by name yet; run one study for each."
        return
    yield from never_searched(name, searched)
    member = settings.get("name")
    try:
        known = GROUPS[name].knobs(member) if isinstance(member, str | None) else {}
    except LookupError:
        return
    for knob in [knob for knob in searched if knob in known]:
        _, *others = probes(searched[knob])
        wrong = [text for each in others for text in misfit(f"{name}.{knob}", known[knob], each)]
        for text in wrong[:1]:
            yield f"{text[:-1]} in {spelled(searched[knob])}."


def never_searched(name: str, searched: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problem of a search over what makes trials comparable."""
    swept = name == "threat" and all(map(is_grid, searched.values()))
    for path in [name, *(f"{name}.{knob}" for knob in searched)]:
        if searched and path in NEVER_SEARCHED and not swept:
            yield f"{path}: is never searched: {NEVER_SEARCHED[path]}."


def overlong_step(groups: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the problem of a step that leaps over the whole ball, as grey levels for [0, 1] do."""
    eps = groups.get("threat", {}).get("eps")
    step = groups.get("attack", {}).get("step_size")
    if not isinstance(eps, int | float) or not isinstance(step, int | float):
        return
    if 0 < 2 * eps < step:
        hint = f" Did you mean attack.step_size={step:g}/255?" if step >= 1 else ""
        yield f"attack.step_size: must be at most twice eps ({2 * eps:.4g}), got {step:g}.{hint}"


def study(groups: Mapping[str, Mapping[str, Any]], searched: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with scheduler and searcher."""
    for name, settings in groups.items():
        values_ = dict(settings)
        yield from complaints(name, STUDY_GROUPS[name], values_.pop("name"), values_)
    searcher = groups["searcher"]["name"]
    open_ended = [path for path, domain in searched.items() if values(domain) is None]
    gridded = [path for path, domain in searched.items() if is_grid(domain)]
    if searcher == "grid" and open_ended:
        yield (
            f"searcher: a grid needs listed values, got {open_ended[0]}="
            f"{spelled(searched[open_ended[0]])}; write {open_ended[0]}=grid(...)."
        )
    if searcher != "grid" and gridded:
        yield (
            f"searcher: {gridded[0]}=grid(...) is tried cell by cell, not by {searcher}; "
            "write searcher=grid, or choice(...) for grid(...)."
        )


def settings(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the keys of the study."""
    for key, knob in knobs(Settings).items():
        if key in arguments:
            yield from misfit(key, knob, arguments[key])


def validated(arguments: Mapping[str, Any]) -> Settings:
    """Return the keys of a study with nothing wrong, in their own types."""
    known = knobs(Settings)
    given = {k: known[k].validate(v) for k, v in arguments.items() if k in known}
    folder = known["results"]
    return Settings(**{"results": folder.validate(folder.default), **given})  # type: ignore[arg-type]
