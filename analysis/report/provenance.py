"""Provenance of a study: its command, what it searched and fixed, versions and machine."""

from collections.abc import Iterator, Mapping

from analysis.frames import Study

FIRST_KEYS = (
    "command",
    "space",
    "recipe",
    "searched",
    "variants",
    "scheduler",
    "searcher",
    "study",
)


def describe_provenance(study: Study) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the content of `search.yaml` as titled lists of paths and values.

    Single values, for example the command, are under "origin"; the rest under its own name, in the
    order of a reader's questions.
    """
    alone = [("folder", str(study.folder or "none: read from logs"))]
    alone += [
        (k, format_setting(v))
        for k, v in study.description.items()
        if not isinstance(v, dict | list)
    ]
    nested = {k: v for k, v in study.description.items() if isinstance(v, dict | list)}
    order = [*(k for k in FIRST_KEYS if k in nested), *(k for k in nested if k not in FIRST_KEYS)]
    return [("origin", alone), *((key, list(flatten(nested[key]))) for key in order)]


def flatten(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of nested dictionaries by their paths.

    >>> list(flatten({"attack": {"name": "pgd", "steps": 10}, "drops": [0.5, 0.75]}))
    [('attack.name', 'pgd'), ('attack.steps', '10'), ('drops', '0.5, 0.75')]
    """
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from flatten(below, f"{path}.{key}" if path else str(key))
    else:
        yield path or "each", format_setting(value)


def format_setting(value: object) -> str:
    """Return a value in readable form."""
    if isinstance(value, list):
        return ", ".join(format_setting(item) for item in value) or "none"
    return "none" if value is None else str(value)
