"""How a study came about: its command, what it searched and fixed, versions and machine."""

from collections.abc import Iterator, Mapping
from typing import Any

from analysis.frames import Study

FIRST = ("command", "space", "recipe", "searched", "variants", "scheduler", "searcher", "study")


def origins(study: Study) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what `search.yaml` says as titled lists of paths and values.

    What stands alone, such as the command, is under "study"; the rest under its own name, in the
    order of a reader's questions.
    """
    alone = [("folder", str(study.folder or "none: read from logs"))]
    alone += [(k, text(v)) for k, v in study.said.items() if not isinstance(v, dict | list)]
    nested = {k: v for k, v in study.said.items() if isinstance(v, dict | list)}
    order = [*(k for k in FIRST if k in nested), *(k for k in nested if k not in FIRST)]
    return [("origin", alone), *((key, list(flat(nested[key]))) for key in order)]


def flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of nested dictionaries by their paths.

    >>> list(flat({"attack": {"name": "pgd", "steps": 10}, "drops": [0.5, 0.75]}))
    [('attack.name', 'pgd'), ('attack.steps', '10'), ('drops', '0.5, 0.75')]
    """
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from flat(below, f"{path}.{key}" if path else str(key))
    else:
        yield path or "each", text(value)


def text(value: Any) -> str:  # noqa: ANN401
    """Return a value as a person would write it."""
    if isinstance(value, list):
        return ", ".join(text(item) for item in value) or "none"
    return "none" if value is None else str(value)
