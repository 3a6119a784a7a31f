"""What Ray is to run next: a trial cut off, one that need not wait, or a new one."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from trainables.checkpoint import moment_of
from trainables.report import Report
from trainables.trainable import REFUSED
from tuner.metric import METRIC, MODE
from tuner.race import due
from tuner.recall import Memory
from tuner.record import SEED, Record, ending, seeded
from tuner.rule import Decision, Rule, Step
from tuner.searcher import StudySearcher

LIVES = 3
"""How often the process of a trial may die before the trial has failed."""


@dataclass(frozen=True)
class Seeds:
    """How many seeds a configuration may get.

    Attributes:
        most: Seeds.
        images: Of the validation split, whose number says how sure one seed is.
        every: Whether each configuration gets as many, whatever comes of it.
    """

    most: int = 1
    images: int = 1
    every: bool = False


class Agenda(Searcher):
    """Ray's searcher, which asks the study for new trials and the rule for those that wait.

    To Ray a trial that goes on after a pause is a new one, of the same number; so nothing depends
    on what Ray remembers.

    Attributes:
        decided: What the rule said of each trial's last epoch.
        late: Whether time runs out, so that who waits goes on before new trials begin: a study that
            is ended early would else have begun much and finished nothing.
        bring: Sees that a checkpoint can be read here, and those beside it.
    """

    def __init__(
        self,
        study: StudySearcher,
        rule: Rule,
        memory: Memory,
        trials: int,
        find: Callable[..., str],
        seeds: Seeds | None = None,
    ) -> None:
        """Begin where an earlier run has ended.

        Args:
            study: Proposes trials and is told how they end.
            rule: Which of them go on.
            memory: What the rule and the trials have come to already; kept up to date.
            trials: How many there are to be.
            find: Called with a trial, and `own`, whether it goes on itself; returns where to find
                its newest checkpoint.
            seeds: Who gets more of them once all trials have ended.
        """
        super().__init__(metric=METRIC, mode=MODE)
        self.study, self.rule, self.trials, self.find = study, rule, trials, find
        self.seeds = seeds or Seeds()
        self.memory = memory
        self.records, self.decided, self.levels = memory.records, memory.decided, memory.levels
        self.configurations = sum(SEED not in number for number in self.levels)
        self.left = deque(memory.left)
        self.late: Callable[[], bool] = lambda: False
        self.bring: Callable[[str], None] = lambda _: None
        self.running: dict[str, str] = {}
        self.proposed: dict[str, dict[str, object]] = {}
        self.unlucky: deque[str] = deque()
        self.deaths: Counter[str] = Counter()

    def suggest(  # type: ignore[override]  # Ray means its word for the end too
        self, trial_id: str
    ) -> dict[str, Any] | str | None:
        """Return the configuration of what to run next; none if there may be more later."""
        config = self.not_begun(trial_id) or self.interrupted()
        config = config or self.waited(idle=self.late())
        config = config or self.new(trial_id) or self.waited(idle=True) or self.raced()
        if config is None:
            return None if self.running else Searcher.FINISHED
        number: str = config["trial"]
        self.running[trial_id] = number
        self.proposed[trial_id] = config
        if config["went_on"] and SEED not in number:
            self.study.takes_up(trial_id, number)
        return config

    def not_begun(self, trial_id: str) -> dict[str, Any] | None:
        """Return a new trial whose process died before it could begin."""
        if not self.unlucky:
            return None
        before = self.unlucky.popleft()
        self.study.renames(before, trial_id)
        return self.proposed.pop(before)

    def interrupted(self) -> dict[str, Any] | None:
        """Return a trial that was cut off."""
        if not self.left:
            return None
        number = self.left.popleft()
        return self.going_on(Step(number, number), waited=False)

    def waited(self, *, idle: bool) -> dict[str, Any] | None:
        """Return a trial that need not wait any longer."""
        step = self.rule.next(idle=idle)
        # who reports once more what it waited for does not go on before it has
        if step is None or step.trial in self.running.values():
            return None
        self.memory.lets_on(self.rule, step)
        return self.going_on(step, waited=True)

    def new(self, trial_id: str) -> dict[str, Any] | None:
        """Return a new trial."""
        if self.configurations >= self.trials:
            return None
        config = self.study.suggest(trial_id)
        number = config["trial"]
        self.levels[number] = self.rule.begins(number)
        self.configurations += 1
        return config | {"level": self.levels[number], "went_on": 0}

    def raced(self) -> dict[str, Any] | None:
        """Return a configuration with one more seed, if one is due and no trial may change that."""
        if not all(SEED in number for number in self.running.values()):
            return None
        values = seeded(self.records.values())
        seeds = self.seeds
        for name, seed in due(values, seeds.most, seeds.images, every=seeds.every):
            number = f"{name}{SEED}{seed}"
            if number not in self.levels:
                self.levels[number] = len(self.rule.levels) - 1
                groups = self.records[name].groups
                return {
                    **{group: dict(knobs) for group, knobs in groups.items()},
                    "trial": number,
                    "variant": self.records[name].knobs.get("variant", ""),
                    "level": self.levels[number],
                    "seed": self.records[name].seed + seed,
                    "went_on": 0,
                }
        return None

    def going_on(self, step: Step, *, waited: bool) -> dict[str, object]:
        """Return the configuration of a trial that has been begun before."""
        record, source = self.records[step.trial], self.records[step.source]
        for checkpoint in filter(None, {record.checkpoint, record.spare, source.checkpoint}):
            self.bring(checkpoint)
        if source is record or moment_of(Path(source.checkpoint)) is None:
            self.memory.rewinds(record, waited=waited)
            source = record
        groups = {group: dict(knobs) for group, knobs in record.groups.items()}
        for path, value in step.knobs.items():
            group, _, knob = path.partition(".")
            groups[group][knob] = value
        checkpoint = source.checkpoint and self.find(source, own=source is record)
        return {
            **groups,
            "trial": step.trial,
            "seed": record.seed,
            "variant": record.knobs.get("variant", ""),
            "level": self.levels[step.trial],
            "went_on": record.went_on + 1,
            "waited": waited,
            "source": source.trial_id,
            **({"goes_on_from": checkpoint} if checkpoint else {}),
        }

    def decide(self, number: str, report: Report) -> Decision:
        """Return what the rule says of an epoch of a trial."""
        if SEED in number:
            return "go"
        return self.memory.tells(self.rule, number, report)

    def over(self, record: Record) -> bool:
        """Return whether a trial that has reported all this would run no further now."""
        decided = self.decided.get(record.trial_id, "go")
        return decided != "go" or ending(record, self.rule.levels) != "stopped"

    def on_trial_result(self, trial_id: str, result: dict[str, object]) -> None:
        """Tell the study what an epoch measured; of further seeds it does not hear."""
        if SEED not in self.running[trial_id] and REFUSED not in result:
            self.study.on_trial_result(trial_id, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, object] | None = None, error: bool = False
    ) -> None:
        """Tell study and rule that a trial has ended, or waits; of errors `failed` tells."""
        if error or trial_id not in self.running:
            return
        number = self.running.pop(trial_id)
        self.proposed.pop(trial_id)
        waits = self.decided.get(number) == "wait"
        self.study.on_trial_complete(trial_id, result)
        if not waits and SEED not in number:
            self.rule.ended(number)

    def failed(self, trial_id: str, *, died: bool) -> bool:
        """Return whether a trial that did not end well goes on all the same.

        Args:
            trial_id: Ray's name for it.
            died: Whether its process did, rather than that it raised.
        """
        number = self.running.pop(trial_id)
        died = died or number not in self.records  # a trial that did not begin raised nothing
        self.deaths[number] += died
        if died and self.deaths[number] < LIVES and number not in self.records:
            self.unlucky.append(trial_id)
            return True
        if died and self.deaths[number] < LIVES:
            self.study.lets_go(trial_id)
            self.left.append(number)
            return True
        self.study.on_trial_complete(trial_id, error=True)
        if SEED not in number:
            self.rule.ended(number)
        return False

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the journal and the study's storage keep everything."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: an agenda is made from what was kept."""
