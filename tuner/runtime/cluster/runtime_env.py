"""Ray's runtime environment: this project's code and user-supplied files for all nodes."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ray._private import ray_constants

import tuner
from trainables.hparams.registry import shipped_path
from trainables.hparams.trusted_code import is_code_file
from tuner.config.plan import Plan

SHIPPED_PACKAGES = ("trainables", "tuner", "search_spaces", "analysis")

UV_RUN_VARIABLE = "RAY_ENABLE_UV_RUN_RUNTIME_ENV"
# Ray reads it on import, and a script may import Ray before `tuner`, which sets it
setattr(ray_constants, UV_RUN_VARIABLE, os.environ[UV_RUN_VARIABLE] in {"1", "true"})


def find_user_files(plan: Plan) -> set[Path]:
    """Return the user-supplied files that trials import."""
    groups = [plan.scheduler, plan.searcher, *(g for v in plan.variants for g in v.fixed.values())]
    names = {*(group.get("name") for group in groups), *plan.settings.tracker}
    return {Path(name) for name in names if isinstance(name, str) and is_code_file(name)}


@contextmanager
def runtime_environment(user_files: Iterable[Path]) -> Iterator[dict[str, object]]:
    """Yield a Ray runtime environment; its files exist inside this context.

    Libraries are not included; they must be installed on every node (docs/cluster.md).

    Args:
        user_files: User-supplied files that trials import by absolute path.
    """
    code = Path(tuner.__file__).parents[1]
    with tempfile.TemporaryDirectory() as folder:
        for file in user_files:
            copy = Path(folder) / shipped_path(file)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        yield {
            "py_modules": [str(code / name) for name in SHIPPED_PACKAGES],
            "working_dir": folder,
            "env_vars": {name: os.environ[name] for name in tuner.RAY_ENVIRONMENT},
            "excludes": ["**/__pycache__/"],
        }
