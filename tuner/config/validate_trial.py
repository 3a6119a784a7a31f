"""Validate the configurations of trials before Ray starts, and report all problems together."""

import inspect
from collections.abc import Iterable, Iterator, Mapping

from trainables.binding import calls_attack, check_member
from trainables.components import GROUPS
from trainables.hparams.group import Groups, member_name
from trainables.hparams.knobs import REQUIRED, check_value
from trainables.hparams.registry import find_hook
from trainables.injection import injected_names
from trainables.protocols import uses_attack
from tuner.cli.values import is_grid
from tuner.config.domains import boundary_values, format_domain, is_domain, list_values
from tuner.config.spaces import check_layer
from tuner.config.validate_combinations import check_combinations

UNSEARCHABLE_KNOBS = {
    "threat": "trials with different threat models cannot be compared (but a grid() of radii can)",
    "exam": "trials validated with different attacks cannot be compared",
    "sentinel": "all trials must be stopped by the same criterion",
    "data.validation": "trials validated on different images cannot be compared",
    "data.split_seed": "trials validated on different images cannot be compared",
}


def find_searched_members(
    layers: Iterable[Groups],
) -> dict[str, object]:
    """Return the domain of each group whose member is searched: `optimizer=choice(sgd,adam)`."""
    return {
        group: settings["name"]
        for layer in layers
        for group, settings in layer.items()
        if is_domain(settings.get("name"))
    }


def check_searched_members(layers: Iterable[Groups]) -> Iterator[str]:
    """Yield the problems of groups whose member is searched."""
    for group, domain in find_searched_members(layers).items():
        if list_values(domain) is None:
            got = format_domain(domain)
            yield f"{group}: has names, got {got}; write {group}=choice(NAME,NAME)."
        if group in UNSEARCHABLE_KNOBS and not is_grid(domain):
            yield f"{group}: is never searched: {UNSEARCHABLE_KNOBS[group]}."


def check_variants(
    variants: Mapping[str, Groups], warnings: list[str]
) -> tuple[dict[str, dict[str, dict[str, object]]], list[str]]:
    """Return the fixed knobs of each valid variant, and the problems of the others.

    Args:
        variants: Groups of knobs by label.
        warnings: List to which warnings are appended.
    """
    fixed: dict[str, dict[str, dict[str, object]]] = {}
    problems: dict[str, list[str]] = {}
    for label, groups in variants.items():
        wrong = list(check_configuration(groups))
        if not wrong:
            fixed[label] = fill_defaults(groups)
            wrong = find_conflicts(groups, fixed[label])
        for problem in wrong:
            problems.setdefault(problem, []).append(label)
        for caution in [] if wrong else member_messages("warnings", fixed[label]):
            if caution not in warnings:
                warnings.append(caution)
    return fixed, [
        # a problem of all variants is reported once, without a label
        problem if len(labels) == len(variants) else add_location(problem, f"variant {labels[0]}")
        for problem, labels in problems.items()
    ]


def add_location(problem: str, where: str) -> str:
    """Return a problem followed by its location in parentheses."""
    return f"{problem.removesuffix('.')} ({where})."


def find_conflicts(groups: Groups, fixed: Groups) -> list[str]:
    """Return the conflicts between members of a valid configuration, each once.

    The fixed knobs are checked first, then each listed value of each searched knob.

    Args:
        groups: Knobs and domains by group.
        fixed: Fixed knobs of `groups`, as `fill_defaults` returns them.
    """
    conflicts = [
        *member_messages("conflicts", fixed),
        *member_messages("unused", fixed),
        *check_unused_knobs(groups, fixed),
        *check_combinations(fixed),
    ]
    by_value: dict[str, str] = {}
    for group, knob, value in iter_listed_values(groups):
        resolved = {**fixed, **fill_defaults({group: {**groups[group], knob: value}})}
        for problem in member_messages("conflicts", resolved):
            by_value.setdefault(problem, add_location(problem, f"{group}.{knob}={value}"))
    return conflicts + [text for problem, text in by_value.items() if problem not in conflicts]


def iter_listed_values(
    groups: Groups,
) -> Iterator[tuple[str, str, object]]:
    """Yield group, knob and value for each listed value of each searched knob."""
    for group, settings in groups.items():
        for knob, domain in settings.items():
            for value in (list_values(domain) or []) if is_domain(domain) else []:
                yield group, knob, value


def member_messages(kind: str, fixed: Groups) -> Iterator[str]:
    """Yield messages of the members of a configuration about each other.

    Args:
        kind: Optional function of a member: "conflicts"; "unused", for settings without effect;
            "warnings".
        fixed: Knobs by group, as `fill_defaults` returns them.
    """
    for name, group in GROUPS.items():
        member = member_name(fixed[name])
        modules = [group.load(member)] if member else []
        for module in dict.fromkeys([
            *modules,
            *map(inspect.getmodule, group.load_common_functions().values()),
        ]):
            hook = find_hook(module, kind)
            try:
                yield from map(str, hook(fixed) if callable(hook) else ())
            except Exception as error:  # a user-supplied file can raise anything
                yield f"{name}: {member} fails in {kind}(): {type(error).__name__}: {error}."


def check_configuration(groups: Groups) -> Iterator[str]:
    """Yield the problems of the groups of a trial and of their searched knobs."""
    for name, settings in groups.items():
        if name not in GROUPS:
            yield f"{name}: the space or recipe names a group that does not exist."
            continue
        # here a domain is replaced by its first value; `check_domains` checks the others
        values_ = {k: next(boundary_values(v)) if is_domain(v) else v for k, v in settings.items()}
        yield from check_member(name, GROUPS[name], values_.pop("name", None), values_)
        yield from check_domains(name, settings)
    method = groups.get("method", {}).get("name")
    for problem in check_layer(load_companions(method), "COMPANIONS"):
        yield f"method: {method} {problem}"
    yield from check_step_size(groups)


def load_companions(method: object) -> Groups:
    """Return `COMPANIONS` of a method, the groups it is published with; empty if undefined."""
    try:
        module = GROUPS["method"].load(method) if isinstance(method, str) else None
    except LookupError:
        return {}  # `check_member` reports the unknown method
    return getattr(module, "COMPANIONS", {})


def fill_defaults(configuration: Groups) -> dict[str, dict[str, object]]:
    """Return the fixed knobs of a valid configuration, with defaults."""
    result = {}
    for group, settings in configuration.items():
        knobs = GROUPS[group].member_knobs(member_name(settings))
        defaults = {key: k.default for key, k in knobs.items() if k.default is not REQUIRED}
        fixed = {
            key: value if key == "name" else knobs[key].validate(value)
            for key, value in settings.items()
            if not is_domain(value)
        }
        searched = settings.keys() - fixed.keys()
        everything = {"name": None} | defaults | fixed
        result[group] = {
            k: v for k, v in everything.items() if k not in searched and (k != "name" or v)
        }
    return result


def check_domains(name: str, settings: Mapping[str, object]) -> Iterator[str]:
    """Yield the problems of the searched knobs of one group."""
    searched = {knob: value for knob, value in settings.items() if is_domain(value)}
    yield from check_unsearchable_knobs(name, searched)
    member = settings.get("name")
    try:
        knobs = GROUPS[name].member_knobs(member) if isinstance(member, str | None) else {}
    except LookupError:
        return
    for knob in [knob for knob in searched if knob in knobs]:
        _, *others = boundary_values(searched[knob])
        wrong = [
            text for value in others for text in check_value(f"{name}.{knob}", knobs[knob], value)
        ]
        for text in wrong[:1]:
            yield f"{text[:-1]} in {format_domain(searched[knob])}."


def check_unsearchable_knobs(name: str, searched: Mapping[str, object]) -> Iterator[str]:
    """Yield a problem for each searched knob that must be equal in all trials."""
    swept = name == "threat" and all(map(is_grid, searched.values()))
    for path in [name, *(f"{name}.{knob}" for knob in searched)]:
        if searched and path in UNSEARCHABLE_KNOBS and not swept:
            yield f"{path}: is never searched: {UNSEARCHABLE_KNOBS[path]}."


def check_step_size(groups: Groups) -> Iterator[str]:
    """Yield the problem of a step size above 2 eps, for example one in grey levels."""
    eps = groups.get("threat", {}).get("eps")
    step = groups.get("attack", {}).get("step_size")
    if not isinstance(eps, int | float) or not isinstance(step, int | float):
        return
    if 0 < 2 * eps < step:
        hint = f" Did you mean attack.step_size={step:g}/255?" if step >= 1 else ""
        yield f"attack.step_size: must be at most twice eps ({2 * eps:.4g}), got {step:g}.{hint}"


def check_unused_knobs(groups: Groups, fixed: Groups) -> Iterator[str]:
    """Yield a problem for each searched knob that has no effect.

    Args:
        groups: Valid knobs and domains by group.
        fixed: The fixed knobs of `groups`, with defaults.
    """
    for group, why in find_unused_groups(fixed):
        settings = groups.get(group, {})
        for knob in (key for key, value in settings.items() if is_domain(value)):
            yield f"{group}.{knob}: changes nothing, because {why}."


def find_unused_groups(fixed: Groups) -> Iterator[tuple[str, str]]:
    """Yield each group that a configuration does not use, and why."""
    method, update = (GROUPS[name].load(str(fixed[name]["name"])) for name in ("method", "update"))
    called = f"method={fixed['method']['name']}"
    attacked = uses_attack(method.inner)
    if not attacked:
        yield "attack", f"{called} attacks nothing"
    elif not calls_attack(update.update):
        yield "attack", f"update={fixed['update']['name']} crafts without one"
    sees_threat = any("threat" in injected_names(f) for f in (method.outer, update.update))
    if not attacked and not sees_threat:
        yield "eps_schedule", f"{called} attacks nothing"
    users = [method.inner, method.outer]
    if attacked and calls_attack(update.update):
        users.append(GROUPS["attack"].load(str(fixed["attack"]["name"])).perturb)
    if not any("criterion" in injected_names(f) for f in users):
        yield "criterion", f"{called} has a built-in loss"
