"""Keys of a study: search budget, resources, objectives, and where results go."""

import os
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trainables.errors import did_you_mean
from trainables.hparams import registry
from trainables.hparams.ranges import (
    Count,
    Location,
    NonNegative,
    PathText,
    PrecisionChoice,
    Seed,
    absolute_path,
)
from trainables.hparams.trusted_code import is_code_file
from trainables.training.constraint import parse_constraint
from tuner.cli.units import ByteSize, Duration
from tuner.cli.values import ColumnPairs, CommaList, OptionalCommaList
from tuner.config.objectives import ROBUST_ONLY, Goal, Objective
from tuner.layout import RESULTS_FOLDER

Fidelity = Literal["epochs", "schedule", "attack"]
LogFormat = Literal["auto", "wide", "lines", "json"]

GPU_RESOLUTION = 0.0001
"""Ray rounds resource requests to this resolution."""
MAX_NAME_BYTES = 255
RAY_CLIENT_SCHEME = "ray://"
ADDRESS_PATTERN = re.compile(r"(\[[\da-fA-F:]+\]|[^\s:/]+):\d{1,5}")
TRACKERS_PACKAGE = "tuner.trackers"


def valid_gpu_share(share: float) -> float:
    """Return a share of a GPU.

    Raises:
        ValueError: If it is below Ray's resolution.
    """
    if 0 < share < GPU_RESOLUTION:
        raise ValueError(f"must be 0 or at least {GPU_RESOLUTION}")
    return share


def valid_name(name: str) -> str:
    """Return the name of a folder.

    Raises:
        ValueError: If it could be a path or an option, or is too long for file systems.
    """
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise ValueError("must be letters, digits and _ . + -, with none of . + - in front")
    if len(os.fsencode(name)) > MAX_NAME_BYTES:
        raise ValueError(f"must be at most {MAX_NAME_BYTES} bytes")
    return name


def valid_objectives(names: tuple[Objective, ...]) -> tuple[Objective, ...]:
    """Return objectives, robust accuracy first.

    Raises:
        ValueError: If "robust" is missing, or one is named twice.
    """
    if len(set(names)) < len(names) or not set(ROBUST_ONLY) <= set(names):
        raise ValueError("must be robust or robust,clean")
    return tuple(sorted(names, reverse=True))


def valid_constraint(text: str) -> str:
    """Return a constraint in its canonical form.

    Raises:
        ValueError: If it is invalid.
    """
    return str(parse_constraint(text))


def valid_folders(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Return `folders` if they are distinct.

    Raises:
        ValueError: If one is named twice.
    """
    if len(set(folders)) < len(folders):
        raise ValueError("must name each folder once")
    return folders


def valid_trackers(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return trackers, user-supplied ones by absolute path.

    Raises:
        ValueError: If there is no such tracker, or one is named twice.
    """
    available = registry.list_members(TRACKERS_PACKAGE)
    if unknown := [name for name in names if name not in available and not is_code_file(name)]:
        hint = did_you_mean(unknown[0], available).strip()
        raise ValueError(f"must be none or among {','.join(available)}{hint and f' ({hint})'}")
    if len(set(names)) < len(names):
        raise ValueError("must name each tracker once")
    return tuple(str(absolute_path(name)) if is_code_file(name) else name for name in names)


def valid_address(address: str) -> str:
    """Return the address of a Ray cluster.

    Raises:
        ValueError: If it is invalid, or of Ray Client.
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
Trackers = Annotated[tuple[str, ...], OptionalCommaList, AfterValidator(valid_trackers)]
ResultsFolders = Annotated[tuple[Location, ...], OptionalCommaList, AfterValidator(valid_folders)]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a study.

    Attributes:
        trials: Number of configurations to try; default: 12, or all combinations of a grid.
        epochs: Epochs of a trial that is not stopped early; default: those of the recipe.
        objectives: What is maximised: robust (accuracy), or robust,clean for the Pareto front of
            both. Of the schedulers, asha, halving and hyperband compare trials by
            both, the others by robust accuracy alone.
        constraint: Condition that the winner must satisfy on the validation split, such as
            clean>=0.8. A trial keeps its most robust epoch that satisfies it. If no epoch does, it
            keeps the epoch that comes closest.
        init: File of weights that training starts from, to fine-tune a network, as in
            recipe=robust_finetune: of this project, or as other software writes them. The last
            layer is new if it is for other classes. On a cluster, all nodes must see the file.
        seed: Seed of the searcher and of the trials.
        seeds: Maximum number of seeds per configuration. When all trials have ended, each
            configuration whose confidence interval overlaps that of the best one is trained with
            another seed. This repeats until one configuration is left.
        fidelity: How trials are compared early at low cost: "epochs", after the first epochs of a
            run; "schedule", after a short run with a complete learning-rate schedule, before the
            best trials get a full run; "attack", after a run with fewer attack steps. Default:
            schedule with scheduler=asha or halving, else epochs.
        cpu: Number of CPU cores, and of threads, of a trial.
        gpu: Share of a GPU, or number of GPUs, of a trial; default: the share with which trials
            train fastest together, at least the memory of the most expensive one.
        mps: Whether to start NVIDIA's MPS while trials share a GPU of this machine, so that they
            compute at the same time. A fault of one process then ends all on that GPU.
        precision: Precision of training: "tf32" and "bf16" are faster on hardware that supports
            them. "auto" is bf16 on GPUs that support it, else fp32. In the validation attack fp32
            decides which images are misclassified.
        graphs: Whether a GPU runs each update as one CUDA graph, which is faster: "auto" where it
            can be captured; true: it is an error where it cannot.
        deterministic: Whether a GPU repeats every number exactly, also after a resumption; slower.
            CPUs always do.
        compile: Whether to compile networks with torch.compile; slower on CPUs.
        concurrency: Number of trials at a time; default: as many as fit. An autoscaling cluster
            adds machines for them.
        time_budget: Wall time after which the search stops: seconds, or 30m, 12h, 2d.
        report_limit: Longest time that a trial may take for one epoch, including validation:
            seconds, or 30m, 2h. After a start it may take three times as long. A trial that takes
            longer is killed and restarts from its last checkpoint. Default: no limit.
        disk_budget: Maximum size of all checkpoints: bytes, or 500MB, 20GB, 1TB. Checkpoints of the
            worst ended trials are deleted first. Those of the best trial and of running trials are
            never deleted.
        results: Folder in which the results folder is created, or an address such as
            s3://bucket/path, with a working copy in ./results.
        name: Name of the results folder; default: space, method and time.
        resume: "auto" resumes an interrupted study, or extends a finished one by trials, epochs,
            seeds or wider ranges. Without `name`, it takes the newest interrupted study in
            `results` with the same space and method. Finished trials are not run again.
        warm_start: Results folders of other studies, or their addresses, separated by commas; the
            searcher learns from their trials.
        replay: Recorded runs on which to simulate the search instead of training: a results folder,
            its address, or logs: of training scripts, FastAT_Benchmark, W&B (CSV), Lightning
            (metrics.csv) or TensorBoard, or another table of epochs.
        columns: What columns of such a table are, where their names do not say it:
            NAME:COLUMN separated by commas, with names run, epoch, val_acc, val_robust_acc,
            test_acc, test_robust_acc, train_loss, lr, or of knobs.
        orders: Number of random orders of the runs in a replay.
        tracker: Trackers that log each epoch: tensorboard, mlflow, wandb, separated by commas, or
            "none".
        dry_run: Whether to print the plan and its estimated cost without running it.
        log: What a running search prints: "auto", a live table in a terminal or notebook, else a
            line for each event; "wide", the live table with all hyper-parameters of each trial;
            "lines", lines also in a terminal; "json", a JSON object on each line, for programs.
        address: Ray cluster to join: HOST:PORT, or "auto" on a node of the cluster and in a Ray
            job; default: start Ray on this machine.
        dashboard: Whether to start Ray's dashboard. Each trial then gets a separate process, which
            takes seconds to start.
    """

    trials: Count | None = None
    epochs: Count | None = None
    objectives: Objectives = ROBUST_ONLY
    constraint: ConstraintText | None = None
    init: PathText | None = None
    seed: Seed = 0
    seeds: Count = 1
    fidelity: Fidelity | None = None
    cpu: Cores = 1.0
    gpu: GpuShare | None = None
    mps: bool = True
    precision: PrecisionChoice = "auto"
    graphs: Literal["auto", True, False] = "auto"
    deterministic: bool = False
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
    columns: ColumnPairs = ()
    orders: Count = 100
    tracker: Trackers = ("tensorboard",)
    dry_run: bool = False
    log: LogFormat = "auto"
    address: Address | None = None
    dashboard: bool = False

    @property
    def goal(self) -> Goal:
        """Objectives and constraint of the study."""
        return Goal(self.objectives, parse_constraint(self.constraint) if self.constraint else None)

    @property
    def threads(self) -> int:
        """Threads of a trial."""
        return max(1, int(self.cpu))


def count_cores() -> int:
    """Return the CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
