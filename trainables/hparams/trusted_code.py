"""Trusted code files: those that the user typed, not those that a results folder names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from trainables.errors import InputError

_TRUSTED: ContextVar[frozenset[Path] | None] = ContextVar("trusted", default=None)


@contextmanager
def trust_files(files: Iterable[Path | str]) -> Iterator[None]:
    """Restrict imports of code files to `files`, and to those of enclosing calls, inside the block.

    Use it to read results that may come from an untrusted source. Outside, all files are trusted.
    """
    allowed = {resolve_file(Path(file).expanduser()) for file in files}
    token = _TRUSTED.set((_TRUSTED.get() or frozenset()) | allowed)
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def check_trusted(names: Iterable[object]) -> Iterator[str]:
    """Yield a problem if the names of members include code files that are not trusted."""
    trusted = _TRUSTED.get()
    if trusted is None:
        return
    files = [
        resolve_file(Path(name)) for name in names if isinstance(name, str) and is_code_file(name)
    ]
    if unknown := [str(file) for file in dict.fromkeys(files) if file not in trusted]:
        them = "them" if len(unknown) > 1 else "it"
        yield (
            f"trust: the results name {', '.join(unknown)}, which would be run as code. "
            f"Results may come from an untrusted source. Read {them}, then write "
            f"trust={','.join(unknown)}."
        )


def find_code_files(value: object) -> Iterator[str]:
    """Yield the code files among nested arguments.

    A string may list several, separated by commas, and so may a search domain or its text.

    >>> list(find_code_files({"model": {"name": "./net.py", "width": 4}, "trust": "a.py, b.py"}))
    ['./net.py', 'a.py', 'b.py']
    >>> list(find_code_files("choice(lenet, './net.py')"))
    ['./net.py']
    """
    if isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from find_code_files(part)
    elif isinstance(value, str):
        words = re.split(r"[,()\[\]]", value) if "(" in value or "[" in value else value.split(",")
        yield from filter(is_code_file, (word.strip().strip("'\"") for word in words))
    else:
        yield from find_code_files(getattr(value, "categories", ()))  # a domain of Ray Tune


def is_code_file(name: str) -> bool:
    """Return whether the name of a member is the path of a code file."""
    return name.endswith(".py")


def resolve_file(file: Path) -> Path:
    """Return the absolute path of a file, with links resolved.

    Raises:
        InputError: If the path cannot exist.
    """
    try:
        return file.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError([f"{file}: expected a Python file ({reason})."]) from None
