"""Which files of code are imported: those that somebody typed, not those that results name."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from trainables.errors import InputError

_TRUSTED: ContextVar[frozenset[Path] | None] = ContextVar("trusted", default=None)


@contextmanager
def trust_files(files: Iterable[Path | str]) -> Iterator[None]:
    """Import no file of code while inside but `files`, and those that are trusted outside already.

    Whoever reads what may come from elsewhere does it in here; anywhere else all files are trusted.
    """
    known = {resolve_file(Path(file).expanduser()) for file in files}
    before = _TRUSTED.set((_TRUSTED.get() or frozenset()) | known)
    try:
        yield
    finally:
        _TRUSTED.reset(before)


def check_trusted(names: Iterable[object]) -> Iterator[str]:
    """Yield the problem of the files of code among the names of members that nobody trusts."""
    trusted = _TRUSTED.get()
    if trusted is None:
        return
    files = [
        resolve_file(Path(each)) for each in names if isinstance(each, str) and is_code_file(each)
    ]
    if unknown := [str(file) for file in dict.fromkeys(files) if file not in trusted]:
        them = "them" if len(unknown) > 1 else "it"
        yield (
            f"trust: {', '.join(unknown)} would run as code, and you have not named {them}: what "
            f"results name may come from elsewhere. Read {them}, then write "
            f"trust={','.join(unknown)}."
        )


def find_code_files(value: object) -> Iterator[str]:
    """Yield the files of code among nested arguments, several in one text with commas between.

    >>> list(find_code_files({"model": {"name": "./net.py", "width": 4}, "trust": "a.py, b.py"}))
    ['./net.py', 'a.py', 'b.py']
    """
    if isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from find_code_files(each)
    elif isinstance(value, str):
        yield from filter(is_code_file, map(str.strip, value.split(",")))


def is_code_file(name: str) -> bool:
    """Return whether the name of a member is that of a file of code."""
    return name.endswith(".py")


def resolve_file(file: Path) -> Path:
    """Return where a file lies, whatever links lead there.

    Raises:
        InputError: If there can be no such file.
    """
    try:
        return file.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError([f"{file}: expected a file of code ({reason})."]) from None
