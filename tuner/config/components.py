"""Component groups of a study: scheduler and searcher."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from trainables.binding import bind_member
from trainables.hparams.group import Group

STUDY_GROUPS = {
    "scheduler": Group("what stops trials early", "tuner.schedulers", ("build",)),
    "searcher": Group("what proposes configurations", "tuner.searchers", ("build",)),
}


def bind_study_member(group: str, settings: Mapping[str, Any]) -> partial[Any]:
    """Return the `build` of a scheduler or searcher with its knobs set."""
    values = {key: value for key, value in settings.items() if key != "name"}
    return bind_member(STUDY_GROUPS[group], settings["name"], values)["build"]
