"""Names of results folders, and the search for a folder to resume."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from trainables.io.remote_files import is_url, wrap_access_errors
from tuner.config.plan import Plan
from tuner.config.settings import Settings
from tuner.layout import EVENT_LOG_FILE, RESULTS_FOLDER
from tuner.storage.results_store import RESULTS_KEY, LocalStore, RemoteStore

TIME_FORMAT = "%Y%m%d-%H%M%S"
MAX_NAME_LENGTH = 36
"""Of a space's or a method's name in that of a folder, which file systems keep below 255 bytes."""


def choose_results_folder(plan: Plan) -> Path:
    """Return where the results go on this machine.

    The newest folder has the last name, whatever the clock says: after it was set back, names count
    on from the newest.
    """
    if plan.settings.name:
        return parent_folder(plan.settings) / plan.settings.name
    after = [moment + timedelta(seconds=1) for moment, _ in find_default_folders(plan)]
    moment = max([datetime.now(), *after])
    return parent_folder(plan.settings) / f"{default_name(plan)}-{moment:{TIME_FORMAT}}"


def parent_folder(settings: Settings) -> Path:
    """Return the folder that holds the results folders on this machine."""
    return Path(RESULTS_FOLDER if is_url(settings.results) else settings.results).absolute()


def open_results_store(plan: Plan) -> LocalStore:
    """Return where the results of a study go, what is there already brought here to go on."""
    settings = plan.settings
    folder = find_folder_to_resume(plan) or choose_results_folder(plan)
    place = (
        RemoteStore(folder, settings.results) if is_url(settings.results) else LocalStore(folder)
    )
    if settings.resume == "auto":
        place.fetch_for_resume()
    return place


def default_name(plan: Plan) -> str:
    """Return what a folder is called that is given no name, but for the time."""
    methods = {Path(variant.fixed["method"]["name"]).stem for variant in plan.variants}
    method = methods.pop() if len(methods) == 1 else "methods"
    return f"{Path(plan.space).stem[:MAX_NAME_LENGTH]}-{method[:MAX_NAME_LENGTH]}"


def find_folder_to_resume(plan: Plan) -> Path | None:
    """Return the newest folder of this space and method, if no name is given and it is wanted."""
    if plan.settings.resume != "auto" or plan.settings.name:
        return None
    found = [
        (moment, each)
        for moment, each in find_default_folders(plan)
        if (each / EVENT_LOG_FILE).exists()
    ]
    if is_url(plan.settings.results):
        folder = parent_folder(plan.settings)
        place = RemoteStore(folder, plan.settings.results, name="")
        with wrap_access_errors(place.uri, RESULTS_KEY):
            found += parse_folder_times(plan, place.list_paths(folder))
    return max(found)[1] if found else None


def find_default_folders(plan: Plan) -> Iterator[tuple[datetime, Path]]:
    """Yield the folders of this space and method that were given no name, and their times."""
    yield from parse_folder_times(
        plan, parent_folder(plan.settings).glob(f"{default_name(plan)}-*")
    )


def parse_folder_times(plan: Plan, folders: Iterable[Path]) -> Iterator[tuple[datetime, Path]]:
    """Yield those of some folders that are of this space and method, and their times."""
    for folder in folders:
        with suppress(ValueError):  # the name of another method may begin like this one's
            moment = datetime.strptime(
                folder.name.removeprefix(f"{default_name(plan)}-"), TIME_FORMAT
            )
            yield moment, folder


def check_results_folder(store: LocalStore) -> Iterator[str]:
    """Yield why a results folder cannot be made, if it cannot."""
    folder = store.folder
    if isinstance(store, RemoteStore) and store.has_files():
        yield f"name: {store.uri} exists; choose another name=NAME, or resume=auto to go on."
        return
    if folder.exists():
        hint = ", or resume=auto to go on with it" if (folder / EVENT_LOG_FILE).exists() else ""
        yield f"name: {folder} exists; choose another name=NAME{hint}."
        return
    above = next(parent for parent in folder.parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        yield f"results: {above} is no folder that can be written to; write results=FOLDER."
