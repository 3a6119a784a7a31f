"""The simulated runtime, with a clock that measures the cost of the driver of a study.

One driver handles one event after the other. It falls behind when an event takes more CPU time than
there is between events; its clock is that of the simulation plus its CPU time.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from tuner.runtime.simulation import HandledEvent, SimulatedRuntime, SimulatedTraining


@dataclass
class SimulatedClock:
    """Simulated time, in seconds.

    Attributes:
        free_at: When the driver has handled its last event.
        cpu_seconds: CPU seconds of the driver.
        wall_seconds: The same with the time that it waits for the disk.
        cpu_started: CPU time at which it began the current event; `None`: it is idle.
    """

    free_at: float = 0.0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    cpu_started: float | None = None

    @contextmanager
    def work(self, since: float) -> Iterator[None]:
        """Count the time inside as work of the driver on an event that happened at `since`."""
        self.free_at = max(self.free_at, since)
        self.cpu_started, since = time.process_time(), time.perf_counter()
        yield
        self.wall_seconds += time.perf_counter() - since
        spent = time.process_time() - self.cpu_started
        self.free_at, self.cpu_seconds, self.cpu_started = (
            self.free_at + spent,
            self.cpu_seconds + spent,
            None,
        )

    def monotonic(self) -> float:
        """Return the time, as the module of that name does."""
        return self.free_at + (
            0.0 if self.cpu_started is None else time.process_time() - self.cpu_started
        )


@dataclass
class Stopwatch:
    """CPU seconds of the parts of the driver, each without those that it calls."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    active_parts: list[str] = field(default_factory=list)
    last_switch: float = 0.0

    def switch(self) -> None:
        """Add the time since the last switch to the innermost part."""
        now = time.process_time()
        if self.active_parts:
            self.seconds[self.active_parts[-1]] += now - self.last_switch
        self.last_switch = now

    @contextmanager
    def time_part(self, name: str) -> Iterator[None]:
        """Count the time inside for a part."""
        self.switch()
        self.active_parts.append(name)
        yield
        self.switch()
        self.active_parts.pop()

    def wrap_method(self, owner: Any, method: str, name: str) -> None:  # noqa: ANN401
        """Count a method, or a function of a module, for a part from now on."""
        called: Callable[..., object] = getattr(owner, method)

        @wraps(called)
        def counted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            with self.time_part(name):
                return called(*args, **kwargs)

        setattr(owner, method, counted)


@dataclass
class DriverTimes:
    """CPU seconds of the driver, event by event: of new trials, and of epochs."""

    proposals: list[float] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)


class TimedRuntime(SimulatedRuntime):
    """Times how long the driver handles each event.

    Attributes:
        driver_times: CPU seconds of the driver.
    """

    def __init__(
        self, training: SimulatedTraining, clock: SimulatedClock, stopwatch: Stopwatch
    ) -> None:
        super().__init__(training)
        self.clock, self.stopwatch, self.driver_times = clock, stopwatch, DriverTimes()

    def monotonic(self) -> float:
        """Return the time of the driver, in seconds."""
        return self.clock.monotonic()

    @contextmanager
    def handle_event(self) -> Iterator[HandledEvent]:
        """Time the handling of an event; trials start once the driver has handled it."""
        before, event = self.clock.cpu_seconds, HandledEvent()
        with self.clock.work(self.now), self.stopwatch.time_part("rest"):
            yield event
        times = self.driver_times
        by_kind = {"proposal": times.proposals, "epoch": times.epochs}
        by_kind.get(event.kind, times.others).append(self.clock.cpu_seconds - before)
        if event.kind != "epoch":
            self.now = self.clock.free_at
