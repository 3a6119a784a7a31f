"""Names of results folders, and the search for a folder to resume."""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from yaml import YAMLError

from trainables.io.remote_files import copy_file, is_url, join_url, wrap_access_errors
from tuner.config.plan import Plan
from tuner.config.settings import Settings, valid_name
from tuner.layout import EVENT_LOG_FILE, RESULTS_FOLDER, SEARCH_FILE
from tuner.storage.remote_copy import (
    ADDRESS_FILE,
    NANOSECONDS_PER_SECOND,
    strip_parameters,
)
from tuner.storage.results_store import RESULTS_KEY, LocalStore, RemoteStore
from tuner.storage.search_yaml import read_search_yaml

TIME_FORMAT = "%Y%m%d-%H%M%S"
MAX_NAME_LENGTH = 36
"""Characters of the name of a space or method in a folder name (file systems allow 255 bytes)."""


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


def open_results_store(plan: Plan) -> LocalStore:
    """Return the results store of a study; to resume, fetch its files from the address."""
    settings = plan.settings
    folder = find_folder_to_resume(plan) or choose_results_folder(plan)
    store = (
        RemoteStore(folder, settings.results) if is_url(settings.results) else LocalStore(folder)
    )
    if settings.resume == "auto":
        store.fetch_for_resume()
    return store


def default_name(plan: Plan) -> str:
    """Return the default name of a results folder, without the time."""
    return join_name(plan.space, [variant.fixed for variant in plan.variants])


def join_name(space: str, fixed_groups: Iterable[Mapping[str, Any]]) -> str:
    """Return the default name for a space and the fixed groups of each variant."""
    methods = {Path(fixed["method"]["name"]).stem for fixed in fixed_groups}
    method = methods.pop() if len(methods) == 1 else "methods"
    return f"{Path(space).stem[:MAX_NAME_LENGTH]}-{method[:MAX_NAME_LENGTH]}"


def find_folder_to_resume(plan: Plan) -> Path | None:
    """Return the results folder of this space and method that was written last; `None`: no such.

    Space and method are read from `search.yaml`, so that the folder may have any name. Without
    `resume=auto`, or with a name, the result is `None` too.
    """
    settings = plan.settings
    if settings.resume != "auto" or settings.name:
        return None
    parent = parent_folder(settings)
    local = {folder: last_write(folder) for folder in list_studies(settings)}
    named = {folder: created for created, folder in parse_folder_times(plan, local)}
    if not is_url(settings.results):
        return newest_of_plan(plan, latest(local, named))
    store = RemoteStore(parent, settings.results, name="")
    with wrap_access_errors(store.uri, RESULTS_KEY):
        remote = last_remote_writes(store)
        named |= {folder: created for created, folder in parse_folder_times(plan, remote)}
        return newest_of_plan(plan, latest(local, remote, named), store)


def list_studies(settings: Settings) -> list[Path]:
    """Return the local folders below `results` that hold an event log.

    Working copies of other addresses are left out.
    """
    studies = []
    for log in parent_folder(settings).glob(f"*/{EVENT_LOG_FILE}"):
        mark = log.with_name(ADDRESS_FILE)
        address = mark.read_text() if mark.is_file() else ""
        at = join_url(settings.results, log.parent.name) if is_url(settings.results) else ""
        if strip_parameters(address) == strip_parameters(at):
            studies.append(log.parent)
    return studies


def last_write(folder: Path) -> datetime:
    """Return when the event log of a local folder was last written."""
    return datetime.fromtimestamp((folder / EVENT_LOG_FILE).stat().st_mtime)


def last_remote_writes(store: RemoteStore) -> dict[Path, datetime]:
    """Return when the event log of each study at an address was last written."""
    written = {}
    for folder in store.list_paths(store.folder):
        log = store.file_infos(folder).get(folder / EVENT_LOG_FILE)
        if log is not None:  # some file systems of fsspec have no times
            written[folder] = datetime.fromtimestamp((log.mtime_ns or 0) / NANOSECONDS_PER_SECOND)
    return written


def latest(*times: Mapping[Path, datetime]) -> dict[Path, datetime]:
    """Return the latest time of each folder."""
    return {
        folder: max(each[folder] for each in times if folder in each)
        for folder in set().union(*times)
    }


def newest_of_plan(
    plan: Plan, written: Mapping[Path, datetime], store: RemoteStore | None = None
) -> Path | None:
    """Return the folder that was written last among those of the space and method of a plan.

    Args:
        plan: The plan.
        written: When each folder was last written.
        store: The address that holds the folders; `None`: they are on this machine.
    """
    ordered = sorted(written, key=lambda folder: (written[folder], folder), reverse=True)
    default = {folder for _, folder in parse_folder_times(plan, ordered)}
    return next((f for f in ordered if f in default or is_of_plan(f, plan, store)), None)


def is_of_plan(folder: Path, plan: Plan, store: RemoteStore | None) -> bool:
    """Return whether the `search.yaml` of a folder has the space and method of a plan."""
    with TemporaryDirectory() as temporary, suppress(OSError, ValueError, LookupError, YAMLError):
        file = folder / SEARCH_FILE
        if store is not None and not file.exists():
            file = Path(temporary) / SEARCH_FILE
            copy_file(store.filesystem, store.remote_path(folder / SEARCH_FILE), file)
        content = read_search_yaml(file)
        variants = content.get("variants") or {"": content}
        name = join_name(content["space"], [each["fixed"] for each in variants.values()])
        return name == default_name(plan)
    return False


def format_resume_command(command: Sequence[str], folder: Path) -> str:
    """Return the command that resumes a study, to paste into a shell.

    Args:
        command: The command of the study.
        folder: Its results folder.
    """
    words = [word for word in command if word.partition("=")[0] not in {"name", "resume"}]
    with suppress(ValueError):  # the file name of a space may be no valid name
        words.append(f"name={valid_name(folder.name)}")
    return shlex.join([*words, "resume=auto"])


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
