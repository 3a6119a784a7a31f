"""The simulated runtime with a clock that counts what the driver of a study costs.

One driver handles one event after the other. It falls behind when an event takes more CPU time than
there is between events; its clock is that of the simulation plus its CPU time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.simulated_clock import DriverTimes, SimulatedClock, Stopwatch
from tuner.runtime.simulation import HandledEvent, SimulatedRuntime, SimulatedTraining


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
