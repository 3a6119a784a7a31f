"""The scheduler of a plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trainables.injection import inject
from trainables.training.fidelity import Level
from tuner.config.plan import Plan, bind_study_member
from tuner.schedulers.core.lr_drops import find_lr_drops
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Scheduler


@dataclass(frozen=True, kw_only=True)
class SchedulerContext:
    """Values that the `build` of a scheduler may take by name.

    Attributes:
        fidelity_plan: Epochs, number of trials and fidelity of the study.
        searched: Domain of each searched knob by path.
        seed: Seed of the study.
    """

    fidelity_plan: FidelityPlan
    searched: Mapping[str, object]
    seed: int


def build_scheduler(
    plan: Plan,
    earlier_levels: Sequence[Level] = (),
    lr_drops: frozenset[float | None] | None = None,
) -> Scheduler:
    """Return the scheduler of a plan.

    Args:
        plan: The study.
        earlier_levels: The levels of the study before its epochs were extended.
        lr_drops: Where the learning rate drops; `None`: as the schedules of the plan say.
    """
    fidelity_plan = FidelityPlan(
        epochs=plan.epochs,
        trials=plan.trials,
        fidelity=plan.settings.fidelity or "epochs",
        earlier_levels=tuple(earlier_levels),
        is_multi_objective=plan.settings.goal.is_multi_objective,
        lr_drops=find_lr_drops(plan.variants) if lr_drops is None else lr_drops,
    )
    # variants search different knobs, or the same in different ranges: nothing is learned from them
    searched = plan.variants[0].searched if len(plan.variants) == 1 else {}
    context = SchedulerContext(
        fidelity_plan=fidelity_plan, searched=searched, seed=plan.settings.seed
    )
    build: Callable[..., Scheduler] = bind_study_member("scheduler", plan.scheduler)
    return inject(build, context)()
