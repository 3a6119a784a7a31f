"""Which gauges are set, when, and that the Grafana dashboard uses no others."""

import json
import re
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from tests.oracles import make_report
from trainables.training.fidelity import Level
from tuner.monitoring import prometheus
from tuner.monitoring.prometheus import (
    STUDY_GAUGES,
    TRIAL_GAUGES,
    UPDATE_SECONDS,
    PrometheusCallback,
    gauge_values,
)
from tuner.state.study import StudyProgress
from tuner.state.trial import Record

MONITORING = Path(prometheus.__file__).parent


class Written:
    """Stands for Ray's gauge."""

    said: ClassVar[list[tuple[str, float, tuple[str, ...]]]] = []

    def __init__(self, name, text, tags):
        self.name, self.tags = name, tags

    def set(self, value, tags):
        assert set(tags) == set(self.tags)
        self.said.append((self.name, value, tuple(tags.values())))


@pytest.fixture
def written_gauges(monkeypatch):
    monkeypatch.setattr(prometheus, "Gauge", Written)
    monkeypatch.setattr(Written, "said", [])
    return Written.said


def record(number, *robust, status="running"):
    reports = [make_report(epoch, value, clean=0.9) for epoch, value in enumerate(robust, start=1)]
    return Record(number, {}, 0, {}, reports, status, checkpoint="there")


def test_a_trial_stands_where_it_was_last_seen():
    values = gauge_values(record("0000", 0.5, 0.25))
    assert values == {
        "attuner_epoch": 2,
        "attuner_clean_accuracy": 0.9,
        "attuner_robust_accuracy": 0.25,
        "attuner_best_robust_accuracy": 0.5,
        "attuner_epoch_seconds": make_report(1, 0.5).seconds,
    }
    assert set(values) == set(TRIAL_GAUGES)


def test_running_trials_are_updated_and_ended_ones_are_dropped(written_gauges, monkeypatch):
    progress = StudyProgress(3, (Level(2),), 2)
    ended, running = record("0000", 0.75, status="stopped"), record("0001", 0.5)
    progress.records = {"0000": ended, "0001": running, "0002": record("0002")}
    clock = [1000.0]
    monkeypatch.setattr(prometheus.time, "monotonic", lambda: clock[0])
    watching = PrometheusCallback(progress, "study")
    for passed in (0, UPDATE_SECONDS / 2, UPDATE_SECONDS):
        clock[0] = 1000 + passed
        watching.on_step_end(1, [])
    once = [
        *((name, value, ("study", "0001")) for name, value in gauge_values(running).items()),
        ("attuner_study_best_robust_accuracy", 0.75, ("study",)),
        ("attuner_study_trials", 1, ("study", "stopped")),
        ("attuner_study_trials", 2, ("study", "running")),
    ]
    assert written_gauges == once * 2


def test_a_name_is_ascii_for_ray(written_gauges):
    progress = StudyProgress(3, (Level(2),), 2, {"0000": record("0000", 0.5)})
    PrometheusCallback(progress, "Größe").set_all_gauges()
    assert {name for _, _, (name, *_) in written_gauges} == {r"Gr\xf6\xdfe"}


def test_every_metric_of_the_grafana_dashboard_is_exported():
    board = json.loads((MONITORING / "grafana.json").read_text())
    asked = set(re.findall(r"\w*attuner_\w+", json.dumps(board)))
    assert asked == {f"ray_{name}" for name in [*TRIAL_GAUGES, *STUDY_GAUGES]}
    tags = set(re.findall(r"by \(([^)]*)\)", json.dumps(board)))
    assert tags == {"study", "study, trial", "study, status"}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_prometheus_reads_the_list_that_ray_keeps():
    (job,) = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    (source,) = job["file_sd_configs"]
    assert source["files"] == ["/tmp/ray/prom_metrics_service_discovery.json"]
