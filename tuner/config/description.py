"""The description of a study that is written to search.yaml."""

import importlib.metadata
import platform
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import trainables
from trainables.training.fidelity import Level
from tuner.config.domains import format_domain
from tuner.config.plan import Plan, complete_scheduler, tuples_to_lists
from tuner.config.priors import find_prior, format_with_prior
from tuner.config.settings import count_cores

VERSIONED_PACKAGES = ("attuner", "torch", "torchvision", "ray", "optuna", "pandas", "numpy")


def describe_study(
    plan: Plan, levels: Sequence[Level], n_earlier: int, command: Sequence[str]
) -> dict[str, object]:
    """Return the contents of `search.yaml`: the resolved study, versions and machine.

    `finished` becomes true when all its trials have ended.

    Args:
        plan: Plan of the study.
        levels: Whole runs that a trial may consist of.
        n_earlier: How many of `levels` precede an extension by more epochs.
        command: The command as typed.
    """
    return {
        "command": shlex.join(command),
        "space": plan.space,
        "recipe": plan.recipe,
        **describe_variants(plan),
        "study": {
            **{k: v for k, v in tuples_to_lists(asdict(plan.settings)).items() if v is not None},
            "trials": plan.trials,
            "epochs": plan.epochs,
        },
        "levels": [asdict(level) for level in levels],
        "earlier_levels": n_earlier,
        "scheduler": tuples_to_lists(complete_scheduler(plan.scheduler)),
        "searcher": tuples_to_lists(plan.searcher),
        "versions": {"python": platform.python_version()}
        | {name: package_version(name) for name in VERSIONED_PACKAGES},
        "git_commit": git_commit(),
        "code": hash_code(plan),
        "machine": {"platform": platform.platform(), "cores": count_cores()},
        "finished": False,
    }


def describe_variants(plan: Plan) -> dict[str, object]:
    """Return the searched and fixed knobs, by variant if there are several."""
    each = {
        variant.label: {
            "searched": {path: format_domain(domain) for path, domain in variant.searched.items()},
            "fixed": tuples_to_lists(variant.fixed),
            **describe_priors(variant.searched),
            **({"published": dict(variant.published)} if variant.published else {}),
            **({"validation_classes": asdict(balance)} if balance else {}),
        }
        for variant in plan.variants
        for balance in [variant.class_balance]
    }
    return {"variants": each} if len(each) > 1 else next(iter(each.values()))


def describe_priors(searched: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Return the priors of searched knobs, as typed; empty if there are none."""
    priors = {
        path: format_with_prior(domain) for path, domain in searched.items() if find_prior(domain)
    }
    return {"priors": priors} if priors else {}


def package_version(name: str) -> str | None:
    """Return the version of a package; `None`: it is not installed, as a checkout on PYTHONPATH."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def hash_code(plan: Plan) -> dict[str, str]:
    """Return SHA-256 hashes of the code that trials run: ours, and each custom file of a plan."""
    ours = sha256()
    for path in sorted(Path(trainables.__path__[0]).rglob("*.py")):
        ours.update(path.read_bytes())
    members = {
        str(values["name"])
        for variant in plan.variants
        for values in variant.fixed.values()
        if "name" in values
    }
    custom = {
        name: sha256(Path(name).read_bytes()).hexdigest()
        for name in sorted(members)
        if name.endswith(".py") and Path(name).is_file()
    }
    return {"trainables": ours.hexdigest(), **custom}


def describe_code_changes(earlier: Mapping[str, object], plan: Plan) -> Iterator[str]:
    """Yield a warning if the code of trials differs from that of an earlier run of a study.

    Args:
        earlier: The content of its `search.yaml`.
        plan: The plan that resumes it.
    """
    hashes = earlier.get("code")
    if not isinstance(hashes, Mapping):  # written by an earlier version
        return
    now = hash_code(plan)
    if changed := [name for name in {**hashes, **now} if hashes.get(name) != now.get(name)]:
        commits = earlier.get("git_commit"), git_commit()
        versions = f" (commit {commits[0]}, now {commits[1]})" if commits[0] != commits[1] else ""
        yield (
            "resume: the code has changed since the study last ran: "
            f"{', '.join(changed)}{versions}. Earlier trials may differ from later ones, and their "
            "checkpoints may not load."
        )


def git_commit() -> str | None:
    """Return the commit of this checkout; `None` outside a git repository."""
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():  # an installed package may lie in another project's checkout
        return None
    done = subprocess.run(
        ["git", "rev-parse", "--verify", "HEAD"],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None
