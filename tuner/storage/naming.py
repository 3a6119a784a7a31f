"""Names of results folders, and the command that resumes a study."""

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from trainables.hparams.group import Groups
from trainables.io.addresses import is_url
from tuner.config.plan import Plan
from tuner.config.settings import Settings, valid_name
from tuner.layout import EVENT_LOG_FILE, RESULTS_FOLDER
from tuner.storage.results_store import LocalStore, RemoteStore

TIME_FORMAT = "%Y%m%d-%H%M%S"
MAX_NAME_LENGTH = 36
"""Characters of the name of a space or method in a folder name (file systems allow 255 bytes)."""
UV_VARIABLE = "UV_RUN_RECURSION_DEPTH"
"""Environment variable that `uv run` sets."""


def choose_results_folder(plan: Plan) -> Path:
    """Return the results folder of a new study on this machine.

    The newest folder always sorts last: after the clock was set back, the time in its name is one
    second after that of the newest folder.
    """
    if plan.settings.name:
        return parent_folder(plan.settings) / plan.settings.name
    later = [created + timedelta(seconds=1) for created, _ in find_default_folders(plan)]
    created = max([datetime.now(), *later])
    return parent_folder(plan.settings) / f"{default_name(plan)}-{created:{TIME_FORMAT}}"


def parent_folder(settings: Settings) -> Path:
    """Return the folder that holds the results folders on this machine."""
    return Path(RESULTS_FOLDER if is_url(settings.results) else settings.results).absolute()


def open_results_store(plan: Plan, folder: Path) -> LocalStore:
    """Return the results store of a study; to resume, fetch its files from the address.

    Args:
        plan: The plan.
        folder: The results folder on this machine.
    """
    settings = plan.settings
    store = (
        RemoteStore(folder, settings.results) if is_url(settings.results) else LocalStore(folder)
    )
    if settings.resume == "auto":
        store.fetch_for_resume()
    return store


def default_name(plan: Plan) -> str:
    """Return the default name of a results folder, without the time."""
    return join_name(plan.space, [variant.fixed for variant in plan.variants])


def join_name(space: str, fixed_groups: Iterable[Groups]) -> str:
    """Return the default name for a space and the fixed groups of each variant."""
    methods = {Path(str(fixed["method"]["name"])).stem for fixed in fixed_groups}
    method = methods.pop() if len(methods) == 1 else "methods"
    return f"{Path(space).stem[:MAX_NAME_LENGTH]}-{method[:MAX_NAME_LENGTH]}"


def format_resume_command(command: Sequence[str], folder: Path) -> str:
    """Return the command that resumes a study, to paste into a shell.

    In an environment of `uv run`, the program is found by it alone.

    Args:
        command: The command of the study.
        folder: Its results folder.
    """
    words = [word for word in command if word.partition("=")[0] not in {"name", "resume"}]
    with suppress(ValueError):  # the file name of a space may be no valid name
        words.append(f"name={valid_name(folder.name)}")
    by_uv = ["uv", "run"] if UV_VARIABLE in os.environ and words[:1] == ["attuner"] else []
    return shlex.join([*by_uv, *words, "resume=auto"])


def find_default_folders(plan: Plan) -> Iterator[tuple[datetime, Path]]:
    """Yield creation time and path of the local folders with the default name of this plan."""
    yield from parse_folder_times(
        plan, parent_folder(plan.settings).glob(f"{default_name(plan)}-*")
    )


def parse_folder_times(plan: Plan, folders: Iterable[Path]) -> Iterator[tuple[datetime, Path]]:
    """Yield creation time and path of those folders that have the default name of this plan."""
    for folder in folders:
        with suppress(ValueError):  # the name of another method may start with this one's
            created = datetime.strptime(
                folder.name.removeprefix(f"{default_name(plan)}-"), TIME_FORMAT
            )
            yield created, folder


def check_results_folder(store: LocalStore) -> Iterator[str]:
    """Yield an error message if the results folder cannot be created."""
    folder = store.folder
    if isinstance(store, RemoteStore) and store.has_files():
        hint = "choose another name=NAME, or type resume=auto to resume it"
        yield f"name: {store.uri} exists; {hint}."
        return
    if folder.exists():
        hint = ", or type resume=auto to resume it" if (folder / EVENT_LOG_FILE).exists() else ""
        yield f"name: {folder} exists; choose another name=NAME{hint}."
        return
    parent = next(path for path in folder.parents if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        yield f"results: {parent} is not a writable folder; choose another results=FOLDER."
