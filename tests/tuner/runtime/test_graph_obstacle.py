"""What a study says of updates that cannot run as a CUDA graph."""

from dataclasses import dataclass, replace

import pytest

from tests.tuner.simulated_study import Curves, run_study


@dataclass
class GraphOutcome(Curves):
    """Trials on a GPU."""

    outcome: str = "captured"

    def train_epoch(self, config, level, epoch, skill):
        report, skill = super().train_epoch(config, level, epoch, skill)
        return replace(report, cuda_graph=self.outcome), skill


@pytest.mark.parametrize(
    ("outcome", "times"),
    [("captured", 0), ("off", 0), ("too few steps", 0), ("the host waits for aten.nonzero", 1)],
)
def test_an_obstacle_is_named_once(tmp_path, outcome, times):
    words = ("trials=3", "epochs=2", "scheduler=none")
    status, output = run_study(tmp_path / "study", *words, curves=GraphOutcome(outcome=outcome))
    assert status == 0
    assert output.count("cannot run as a CUDA graph") == times
    assert output.count(f"({outcome}); they run as usual, which is slower.") == times
