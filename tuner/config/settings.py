"""The keys of a study: how much is searched, on what, and where the results go."""

import os
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trainables.errors import did_you_mean
from trainables.hparams import registry
from trainables.hparams.ranges import Count, Location, NonNegative, Seed, absolute_path
from trainables.hparams.trusted_code import is_code_file
from trainables.networks.precision import Precision
from trainables.training.constraint import parse_constraint
from tuner.cli.units import ByteSize, Duration
from tuner.cli.values import CommaList
from tuner.config.objectives import ROBUST_ONLY, Goal, Objective
from tuner.layout import RESULTS_FOLDER

Fidelity = Literal["epochs", "schedule", "attack"]

GPU_RESOLUTION = 0.0001
"""Ray counts shares of a machine in these."""
MAX_NAME_BYTES = 255
RAY_CLIENT_SCHEME = "ray://"
ADDRESS_PATTERN = re.compile(r"(\[[\da-fA-F:]+\]|[^\s:/]+):\d{1,5}")
TRACKERS_PACKAGE = "tuner.trackers"


def valid_gpu_share(share: float) -> float:
    """Return a share of a GPU.

    Raises:
        ValueError: If it is finer than Ray can tell from nothing.
    """
    if 0 < share < GPU_RESOLUTION:
        raise ValueError(f"must be 0 or at least {GPU_RESOLUTION}")
    return share


def valid_name(name: str) -> str:
    """Return the name of a folder.

    Raises:
        ValueError: If it could be a path or an option, or file systems know none as long.
    """
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise ValueError("must be letters, digits and _ . + -, with none of . + - in front")
    if len(os.fsencode(name)) > MAX_NAME_BYTES:
        raise ValueError(f"must be at most {MAX_NAME_BYTES} bytes")
    return name


def valid_objectives(names: tuple[Objective, ...]) -> tuple[Objective, ...]:
    """Return objectives, robust accuracy first.

    Raises:
        ValueError: If it is not among them, or one is named twice.
    """
    if len(set(names)) < len(names) or not set(ROBUST_ONLY) <= set(names):
        raise ValueError("must be robust or robust,clean")
    return tuple(sorted(names, reverse=True))


def valid_constraint(text: str) -> str:
    """Return a constraint as it is written down.

    Raises:
        ValueError: If it is none.
    """
    return str(parse_constraint(text))


def valid_folders(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Return folders.

    Raises:
        ValueError: If one is named twice.
    """
    if len(set(folders)) < len(folders):
        raise ValueError("must name each folder once")
    return folders


def valid_trackers(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return trackers, the user's own by absolute paths; none if "none" is all that is named.

    Raises:
        ValueError: If there is no such tracker, or one is named twice.
    """
    if names == ("none",):
        return ()
    known = registry.list_members(TRACKERS_PACKAGE)
    if unknown := [name for name in names if name not in known and not is_code_file(name)]:
        hint = did_you_mean(unknown[0], known).strip()
        raise ValueError(f"must be none or among {','.join(known)}{hint and f' ({hint})'}")
    if len(set(names)) < len(names):
        raise ValueError("must name each tracker once")
    return tuple(str(absolute_path(name)) if is_code_file(name) else name for name in names)


def valid_address(address: str) -> str:
    """Return the address of a Ray cluster.

    Raises:
        ValueError: If it is none, or one of Ray Client.
    """
    if address.startswith(RAY_CLIENT_SCHEME):
        host = re.sub(r":\d*$", "", address.removeprefix(RAY_CLIENT_SCHEME)) or "HOST"
        raise ValueError(
            f"must be auto or HOST:PORT; to search from another machine, write `ray job submit "
            f"--address http://{host}:8265 --working-dir . -- python -m tuner.search ... "
            "address=auto results=/SHARED/FOLDER`"
        )
    if address != "auto" and not ADDRESS_PATTERN.fullmatch(address):
        raise ValueError(
            "must be auto or HOST:PORT, as ray start printed it, such as 10.0.0.1:6379"
        )
    return address


Name = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(valid_name)]
Cores = Annotated[float, Field(ge=GPU_RESOLUTION, allow_inf_nan=False)]
GpuShare = Annotated[NonNegative, AfterValidator(valid_gpu_share)]
Address = Annotated[str, AfterValidator(valid_address)]
Objectives = Annotated[tuple[Objective, ...], CommaList, AfterValidator(valid_objectives)]
ConstraintText = Annotated[str, AfterValidator(valid_constraint)]
Trackers = Annotated[tuple[str, ...], CommaList, AfterValidator(valid_trackers)]
ResultsFolders = Annotated[tuple[Location, ...], CommaList, AfterValidator(valid_folders)]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line says of the study itself.

    Attributes:
        trials: Configurations to try; 12, or every cell of a grid, if none.
        epochs: Epochs of a trial that is not stopped early; those of the recipe if none.
        objectives: What is maximised: robust, or robust,clean for the Pareto front of both.
            Schedulers stop by robust accuracy all the same.
        constraint: What the winner must satisfy on the validation split, such as clean>=0.8. Of a
            trial the most robust epoch that does is kept; if none does, the one nearest to it.
        seed: Decides what is proposed and how each trial draws.
        seeds: The most that a configuration is run with. When all trials have ended, those whose
            intervals overlap the leader's get one more each, until one is left.
        fidelity: What is cheaper at the lower rungs of the scheduler: "epochs", the beginning of a
            run; "schedule", a short whole run, whose survivors get a longer whole run; "attack", a
            whole run with fewer attack steps. Schedule with scheduler=halving if none is given, and
            epochs with the others.
        cpu: CPU cores that a trial takes; it computes with as many threads.
        gpu: Share of a GPU that a trial takes, or a whole number of them; if there is a GPU and
            none is given, the share that the dearest trial takes of its memory.
        precision: How trials train: "tf32" and "bf16" are quicker where the hardware knows them.
            They are examined in fp32 all the same.
        compile: Whether torch compiles networks; measure it, on CPUs it is slower.
        concurrency: Trials at a time; as many as fit if none. A cluster is asked for so many, and
            one that grows brings machines.
        time_budget: When to stop: seconds, or 30m, 12h, 2d.
        report_limit: The longest that a trial may take for an epoch, its exam included: seconds, or
            30m, 2h; three times as long for the first after a start. One that is silent for longer
            is ended and goes on from its last checkpoint. Any time will do if none is given.
        disk_budget: What the checkpoints of all trials may take: bytes, or 500MB, 20GB, 1TB. Those
            of the worst ended trials go first, the leader's and running trials' never.
        results: Folder that holds the results folders, or an address such as s3://bucket/path; the
            working copy is then in ./results.
        name: Of this study's folder; space, method and time if none.
        resume: "auto" takes up a study that was cut off, or asks more of one that ended: trials,
            epochs, seeds, wider ranges. It is that of `name`, or else the newest of this space and
            method in `results`. Trials that have ended are not run again.
        warm_start: Results folders of other studies, or their addresses, separated by commas, from
            whose trials the searcher learns.
        replay: Train nothing and read recorded runs instead: a results folder, its address, or a
            table of logs.
        orders: Orders in which a replay meets the runs.
        tracker: Where else epochs are written down: tensorboard, mlflow, wandb, separated by
            commas, or none.
        dry_run: Whether to print the plan and run nothing.
        address: Of a running Ray cluster to join, HOST:PORT, or "auto" where this machine is a node
            of one or the search is a Ray job; a private one on this machine if none.
        dashboard: Whether to start Ray's dashboard, which lists trials by number and knobs; each
            then has a process of its own, which takes seconds to start.
    """

    trials: Count | None = None
    epochs: Count | None = None
    objectives: Objectives = ROBUST_ONLY
    constraint: ConstraintText | None = None
    seed: Seed = 0
    seeds: Count = 1
    fidelity: Fidelity | None = None
    cpu: Cores = 1.0
    gpu: GpuShare | None = None
    precision: Precision = "fp32"
    compile: bool = False
    concurrency: Count | None = None
    time_budget: Duration | None = None
    report_limit: Duration | None = None
    disk_budget: ByteSize | None = None
    results: Location = RESULTS_FOLDER
    name: Name | None = None
    resume: Literal["never", "auto"] = "never"
    warm_start: ResultsFolders = ()
    replay: Location | None = None
    orders: Count = 100
    tracker: Trackers = ("tensorboard",)
    dry_run: bool = False
    address: Address | None = None
    dashboard: bool = False

    @property
    def goal(self) -> Goal:
        """What the study is after."""
        return Goal(self.objectives, parse_constraint(self.constraint) if self.constraint else None)

    @property
    def threads(self) -> int:
        """Threads that a trial computes with."""
        return max(1, int(self.cpu))


def count_cores() -> int:
    """Return the CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
