"""Lines about a whole study: the best so far, counts, time and throughput."""

from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.text import Text

from tuner.cli.format import (
    format_bytes,
    format_duration,
    format_finish_time,
    format_percent,
    format_value,
)
from tuner.monitoring.gpu_usage import GpuUsage
from tuner.monitoring.throughput import measure_images_per_second
from tuner.monitoring.trials_table import format_epoch
from tuner.state.study import StudyProgress

SEPARATOR = " · "


def format_headline(progress: StudyProgress, width: int, gpu: GpuUsage | None = None) -> Text:
    """Return the best trial so far, then counts, time and throughput, in lines that fit.

    Args:
        progress: The study.
        width: Columns of the window.
        gpu: How busy the GPUs are; `None`: unknown, or there are none.
    """
    lines = [*wrap_parts(describe_best(progress), width)]
    counts = [*wrap_parts([*describe_counts(progress), *describe_rates(progress, gpu)], width)]
    text = Text("\n".join(lines), style="bold", overflow="fold")
    return text.append("\n" * bool(lines) + "\n".join(counts), style="not bold")


def wrap_parts(parts: Iterable[str], width: int) -> Iterator[str]:
    """Yield lines of parts with separators; a part that is too long is cut into lines.

    >>> list(wrap_parts(["one", "two", "three"], 9))
    ['one · two', 'three']
    >>> list(wrap_parts(["a long part"], 6))
    ['a long', ' part']
    """
    line = ""
    for part in parts:
        joined = f"{line}{SEPARATOR}{part}" if line else part
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            yield line
        line = part
        while cell_len(line) > width:
            head = line
            while cell_len(head) > width:
                head = head[:-1]
            yield head
            line = line[len(head) :]
    if line:
        yield line


def describe_best(progress: StudyProgress) -> Iterator[str]:
    """Yield the best trial so far, in parts; nothing before the first epoch."""
    leader = progress.leader
    if leader is None or leader.best_report is None:
        return
    best = leader.best_report
    yield (
        f"best so far: trial {leader.trial_id}, robust "
        f"{format_percent(best.val_robust_accuracy)} %, clean "
        f"{format_percent(best.val_clean_accuracy)} %, epoch {format_epoch(best, progress)}"
    )
    yield from (f"{path}={format_value(value)}" for path, value in leader.knobs.items())


def describe_counts(progress: StudyProgress) -> Iterator[str]:
    """Yield how many trials have ended, and the time gone and left."""
    if progress.records:
        ended = f"{progress.n_ended} of {progress.n_planned} trials ended"
        yield ended + format_paused(progress)
    else:
        yield "waiting for the first trial to start"
    yield f"{format_duration(progress.elapsed_seconds)} gone"
    yield format_time_left(progress)


def describe_rates(progress: StudyProgress, gpu: GpuUsage | None) -> Iterator[str]:
    """Yield throughput, the load of GPUs, GPU-hours and disk space, as far as they are known."""
    if rate := measure_images_per_second(progress):
        yield f"{rate:,.0f} images/s"
    if gpu:
        yield str(gpu)
    yield from format_usage(progress)


def format_paused(progress: StudyProgress) -> str:
    """Return how many trials are paused, as the end of a list, or ""."""
    return f", {progress.n_paused} paused" if progress.n_paused else ""


def format_time_left(progress: StudyProgress) -> str:
    """Return the estimate of the time left."""
    estimate = progress.seconds_left
    if estimate is None:
        return "time left known after the first epoch"
    return f"about {format_duration(estimate)} left, finish at {format_finish_time(estimate)}"


def format_usage(progress: StudyProgress) -> list[str]:
    """Return GPU-hours, if trials use GPUs, and the size of checkpoints on disk."""
    words = []
    if progress.gpu_share:
        hours = progress.gpu_share * progress.trial_seconds / 3600
        due = progress.remaining_trial_seconds
        expected = f"{hours + progress.gpu_share * due / 3600:.3g}" if due else "?"
        words.append(f"{hours:.3g} of about {expected} GPU-hours")
    if progress.disk_bytes:
        budget = f" of {format_bytes(progress.disk_budget)}" if progress.disk_budget else ""
        words.append(f"{format_bytes(progress.disk_bytes)}{budget} on disk")
    return words
