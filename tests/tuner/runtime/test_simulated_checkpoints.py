"""Checkpoints of simulated runs."""

from tests.oracles import make_report
from tuner.runtime.simulated_checkpoints import (
    SimulatedState,
    delete_old_checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from tuner.runtime.simulation import SimulatedRun, choose_better


def test_a_checkpoint_holds_the_position_the_skill_and_the_best_epoch(tmp_path):
    best, last = make_report(1, 0.5), make_report(2, 0.4, level=1)
    path = write_checkpoint(tmp_path, last, best, 0.25)
    assert read_checkpoint(path) == SimulatedState(level=1, epoch=2, skill=0.25, best=best)


def test_the_two_newest_checkpoints_are_kept(tmp_path):
    report = make_report(1, 0.5)
    for epoch in (1, 2, 3):
        write_checkpoint(tmp_path, make_report(epoch, 0.5), report, 0.0)
    delete_old_checkpoints(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["checkpoint_000002", "checkpoint_000003"]


def test_an_epoch_that_satisfies_the_constraint_is_better(tmp_path):
    robust, clean = make_report(1, 0.6, clean=0.7), make_report(2, 0.3, clean=0.9)
    for config, expected in (({}, robust), ({"constraint": "clean>=0.8"}, clean)):
        run = SimulatedRun(
            trial_id="0", config=config, folder=tmp_path, positions=iter(()), skill=0.0, best=robust
        )
        assert choose_better(run, clean) == expected
