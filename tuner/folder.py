"""Where the results of a study go, and whether one that is there can be taken up."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from trainables.address import is_address, reaching
from tuner import results
from tuner.journal import FILE as JOURNAL
from tuner.place import KEY, Local, Remote
from tuner.plan import Plan, plain
from tuner.results import StudyDescription
from tuner.settings import Settings
from tuner.wider import narrower
from tuner.working_copy import RESULTS

STAMP = "%Y%m%d-%H%M%S"
LETTERS = 36
"""Of a space's or a method's name in that of a folder, which file systems keep below 255 bytes."""


def results_folder(plan: Plan) -> Path:
    """Return where the results go on this machine.

    The newest folder has the last name, whatever the clock says: after it was set back, names count
    on from the newest.
    """
    if plan.settings.name:
        return above(plan.settings) / plan.settings.name
    after = [moment + timedelta(seconds=1) for moment, _ in stamped(plan)]
    moment = max([datetime.now(), *after])
    return above(plan.settings) / f"{usual_name(plan)}-{moment:{STAMP}}"


def above(settings: Settings) -> Path:
    """Return the folder that holds the results folders on this machine."""
    return Path(RESULTS if is_address(settings.results) else settings.results).absolute()


def placed(plan: Plan) -> Local:
    """Return where the results of a study go, what is there already brought here to go on."""
    settings = plan.settings
    folder = taken_up(plan) or results_folder(plan)
    place = Remote(folder, settings.results) if is_address(settings.results) else Local(folder)
    if settings.resume == "auto":
        place.pull()
    return place


def usual_name(plan: Plan) -> str:
    """Return what a folder is called that is given no name, but for the time."""
    methods = {Path(variant.fixed["method"]["name"]).stem for variant in plan.variants}
    method = methods.pop() if len(methods) == 1 else "methods"
    return f"{Path(plan.space).stem[:LETTERS]}-{method[:LETTERS]}"


def taken_up(plan: Plan) -> Path | None:
    """Return the newest folder of this space and method, if no name is given and it is wanted."""
    if plan.settings.resume != "auto" or plan.settings.name:
        return None
    found = [(moment, each) for moment, each in stamped(plan) if (each / JOURNAL).exists()]
    if is_address(plan.settings.results):
        folder = above(plan.settings)
        place = Remote(folder, plan.settings.results, name="")
        with reaching(place.uri, KEY):
            found += timed(plan, place.listed(folder))
    return max(found)[1] if found else None


def stamped(plan: Plan) -> Iterator[tuple[datetime, Path]]:
    """Yield the folders of this space and method that were given no name, and their times."""
    yield from timed(plan, above(plan.settings).glob(f"{usual_name(plan)}-*"))


def timed(plan: Plan, folders: Iterable[Path]) -> Iterator[tuple[datetime, Path]]:
    """Yield those of some folders that are of this space and method, and their times."""
    for folder in folders:
        with suppress(ValueError):  # the name of another method may begin like this one's
            moment = datetime.strptime(folder.name.removeprefix(f"{usual_name(plan)}-"), STAMP)
            yield moment, folder


def differences(earlier: StudyDescription, plan: Plan) -> Iterator[str]:
    """Yield why a study cannot be taken up by a command: it says something else.

    More trials may be asked of it; its winner may turn out to be another.
    """
    try:
        found = list(compared(earlier, plan))
        earlier.earlier_levels(plan.epochs)
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # it leaves things out
        reason = f"{type(error).__name__}: {error}"
        found = [f"resume: {earlier.folder / results.STUDY} says nothing of a study ({reason})."]
    yield from found


def compared(earlier: StudyDescription, plan: Plan) -> Iterator[str]:
    """Yield where a plan differs from what the `search.yaml` of a study says."""
    folder, before = earlier.folder, earlier.content
    now = results.describe(plan, (), 0, [])
    yield from narrower(folder, before, plan)
    for part in ("scheduler", "searcher"):
        if before.get(part) != now.get(part):
            yield f"resume: {folder} has another {part}; choose another name=NAME."
    usual = plain(asdict(Settings()))
    for key in ("seed", "fidelity", "precision", "objectives", "constraint"):
        had = before["study"].get(key, usual[key])
        if had != now["study"].get(key, usual[key]):
            text = ",".join(had) if isinstance(had, list) else had
            yield f"{key}: must be {text}, as in {folder}, to go on with it."
    if (had := before["study"]["epochs"]) > plan.epochs:
        yield f"epochs: must be at least {had}, as in {folder}, to go on with it."


def unwritable(place: Local) -> Iterator[str]:
    """Yield why a results folder cannot be made, if it cannot."""
    folder = place.folder
    if isinstance(place, Remote) and place.anything():
        yield f"name: {place.uri} exists; choose another name=NAME, or resume=auto to go on."
        return
    if folder.exists():
        hint = ", or resume=auto to go on with it" if (folder / JOURNAL).exists() else ""
        yield f"name: {folder} exists; choose another name=NAME{hint}."
        return
    above = next(parent for parent in folder.parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        yield f"results: {above} is no folder that can be written to; write results=FOLDER."
