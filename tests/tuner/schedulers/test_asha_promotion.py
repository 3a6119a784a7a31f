"""The promotion variant of ASHA, by hand and on a simulated cluster."""

from dataclasses import dataclass, field

import pytest

from tests.oracles import make_report
from tests.tuner.simulated_study import Curves, load_frames, run_study
from tuner.runtime.simulation import SimulatedRuntime
from tuner.schedulers import asha
from tuner.schedulers.core.asha_promotion import PRIOR_RATIO
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume


def build(epochs=4, trials=8, factor=2.0, rungs=(0.25,), **changes):
    plan = FidelityPlan(epochs=epochs, trials=trials, **changes)
    return asha.build(fidelity_plan=plan, rungs=rungs, reduction_factor=factor)


def arrive(scheduler, trial, value, epoch=1, level=0):
    """Start a trial that reports one epoch; return the decision."""
    if trial not in scheduler.positions:
        scheduler.on_start(trial)
    return scheduler.on_report(trial, make_report(epoch, value, level=level), {})


def resume(scheduler, *, is_idle=False):
    """Return the trial that resumes, after `on_resume`."""
    step = scheduler.next_to_resume(is_idle=is_idle)
    if step is not None:
        scheduler.on_resume(step)
    return step and step.trial


def test_a_trial_continues_as_soon_as_it_is_among_the_best_half():
    """At the last rung of 1, 2, 3, 4 and 5 trials 1, 1, 2, 2 and 3 are the best half."""
    scheduler = build()
    assert arrive(scheduler, "a", 0.3) == "continue"  # without a pause
    assert arrive(scheduler, "b", 0.2) == "pause"
    assert resume(scheduler) is None
    assert arrive(scheduler, "c", 0.1) == "pause"
    assert resume(scheduler) == "b"
    assert resume(scheduler) is None
    assert arrive(scheduler, "d", 0.4) == "continue"
    assert arrive(scheduler, "e", 0.05) == "pause"
    assert arrive(scheduler, "f", 0.15) == "pause"
    assert resume(scheduler) is None  # a, b and d are the best half of six
    assert arrive(scheduler, "g", 0.12) == "pause"
    assert resume(scheduler) == "f"


def test_before_the_last_rung_the_best_half_is_rounded():
    """Of 1, 2 and 3 trials 0, 1 and 2, since halves are rounded to even numbers."""
    scheduler = build(rungs=(0.25, 0.5))
    assert arrive(scheduler, "a", 0.3) == "pause"
    assert resume(scheduler) is None
    assert arrive(scheduler, "b", 0.4) == "continue"
    assert resume(scheduler) is None
    assert arrive(scheduler, "c", 0.2) == "pause"
    assert resume(scheduler) == "a"


def test_the_better_of_two_that_may_continue_resumes_first():
    scheduler = build(factor=4.0, rungs=(0.25, 0.5))
    for trial, value in {"a": 0.1, "b": 0.3}.items():
        assert arrive(scheduler, trial, value) == "pause"
    assert arrive(scheduler, "c", 0.2) == "pause"  # one of three continues: b
    assert resume(scheduler) == "b"


def test_of_equal_trials_none_but_the_first_continues():
    scheduler = build()
    assert arrive(scheduler, "a", 0.1) == "continue"
    for trial in "bcdef":
        assert arrive(scheduler, trial, 0.1) == "pause"
        assert resume(scheduler) is None
    assert arrive(scheduler, "g", 0.2) == "continue"
    assert resume(scheduler) is None


def test_if_nothing_else_can_run_the_best_so_far_continue():
    """Three have reached the rung and one will: two of the four are to continue."""
    scheduler = build(trials=4)
    scheduler.on_start("d")
    assert arrive(scheduler, "a", 0.1) == "continue"
    for trial in "bc":
        assert arrive(scheduler, trial, 0.1) == "pause"
    assert resume(scheduler) is None
    assert resume(scheduler, is_idle=True) == "b"
    assert resume(scheduler, is_idle=True) is None


def test_one_trial_reaches_the_last_rung_however_few_there_are():
    scheduler = build(factor=4.0, trials=1, rungs=(0.25, 0.5))
    assert arrive(scheduler, "a", 0.1) == "pause"
    assert resume(scheduler) is None
    assert resume(scheduler, is_idle=True) == "a"
    assert arrive(scheduler, "a", 0.1, epoch=2) == "continue"
    assert resume(scheduler, is_idle=True) is None


def test_the_rung_furthest_on_comes_first():
    scheduler = build(rungs=(0.25, 0.5))
    for trial, value in {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}.items():
        assert arrive(scheduler, trial, value) == "pause"
        if trial == "b":
            assert resume(scheduler) == "a"
    assert arrive(scheduler, "a", 0.4, epoch=2) == "continue"
    assert resume(scheduler) == "b"
    assert arrive(scheduler, "b", 0.3, epoch=2) == "pause"
    assert arrive(scheduler, "e", 0.35) == "continue"  # two of five
    assert arrive(scheduler, "f", 0.5) == "continue"  # three of six
    assert scheduler.boards[1].expected == {"e", "f"}
    assert arrive(scheduler, "e", 0.35, epoch=2) == "continue"  # two of three
    assert arrive(scheduler, "g", 0.15) == "pause"
    assert resume(scheduler) is None


def test_a_trial_that_runs_is_not_resumed():
    """After a kill it may run on though its rung, without a lost epoch of another, pauses it."""
    scheduler = build(rungs=(0.25, 0.75))
    assert arrive(scheduler, "a", 0.3) == "pause"
    assert arrive(scheduler, "a", 0.3, epoch=2) == "continue"
    assert arrive(scheduler, "b", 0.2) == "pause"
    assert resume(scheduler, is_idle=True) is None  # a is the best half of two, and it runs
    scheduler.on_end("b")  # it failed
    assert arrive(scheduler, "c", 0.1) == "pause"
    assert resume(scheduler, is_idle=True) is None


def test_a_trial_that_has_failed_is_no_rung_value():
    scheduler = build()
    scheduler.on_start("a")
    assert scheduler.on_report("a", make_report(1, 0.0, diverged=True), {}) == "continue"
    scheduler.on_end("a")
    assert scheduler.boards[0].values == {}
    assert scheduler.boards[0].expected == set()


def test_short_runs_are_rungs():
    """With fidelity=schedule the rung is the end of a run of 2 epochs; a good trial runs on."""
    scheduler = build(epochs=8, fidelity="schedule")
    assert [level.epochs for level in scheduler.levels] == [2, 8]
    for trial, value in {"a": 0.2, "b": 0.1}.items():
        assert arrive(scheduler, trial, value) == "continue"
        assert arrive(scheduler, trial, value, epoch=2) == ("pause" if trial == "b" else "continue")
    assert arrive(scheduler, "a", 0.1, level=1) == "continue"


def test_what_is_still_to_be_trained():
    """A rung after 1 of 4 epochs; one in 2 continues, 1.8 times as many as far as is known."""
    scheduler = build(trials=4)
    share = PRIOR_RATIO / 2
    epochs = sum(run.count * sum(run.epochs) for run in scheduler.future_runs({}, 4))
    assert epochs == pytest.approx(4 * 1 + 4 * share * 3)
    arrive(scheduler, "a", 0.3)
    arrive(scheduler, "b", 0.1)
    runs = scheduler.future_runs({"a": (0, 1)}, 2)
    # a has 3 epochs left, two new trials 1 each, of which (1 + 3 * share) / (2 + 3) continue
    expected = 3 + 2 * 1 + 2 * (1 + 3 * share) / 5 * 3
    assert sum(run.count * sum(run.epochs) for run in runs) == pytest.approx(expected)


def test_a_resumption_is_replayed():
    scheduler = build()
    for trial, value in {"a": 0.3, "b": 0.2, "c": 0.1}.items():
        arrive(scheduler, trial, value)
    scheduler.on_resume(Resume("b", "b"))
    assert resume(scheduler) is None


@dataclass
class CountingRuntime(SimulatedRuntime):
    """Notes how many runs there are after each event.

    Attributes:
        loads: Number of trials that have started, and of running trials.
    """

    loads: list[tuple[int, int]] = field(default_factory=list)

    def start_runs(self, core):
        super().start_runs(core)
        self.loads.append((core.queue.n_configurations, len(self.running)))


@pytest.mark.parametrize("fidelity", ["schedule", "epochs"])
def test_no_worker_of_a_cluster_of_100_idles(tmp_path, fidelity):
    """While there are trials to start; workers differ in speed."""
    runtime = CountingRuntime(Curves(slowness={f"{n:04d}": 0.5 + n % 7 / 4 for n in range(130)}))
    words = ["trials=130", "epochs=4", "scheduler=asha", "searcher=random", "concurrency=100"]
    rungs = ["scheduler.rungs=[1/4]", f"fidelity={fidelity}"]
    assert run_study(tmp_path / "study", *words, *rungs, runtime=runtime)[0] == 0
    assert {running for started, running in runtime.loads if started < 130} == {100}
    trials, _ = load_frames(tmp_path / "study")
    n_completed = (trials["status"] == "completed").sum()
    assert 130 // 4 <= n_completed <= 130 // 2
