"""Capacity of clusters, and of one that grows while trials wait."""

import subprocess
import sys

import pytest
import ray
import yaml

from benchmarks.cluster import SMALL_SETTINGS
from benchmarks.local_cluster import NODE_SETTINGS, start_cluster
from tests.tuner.test_search import frames
from trainables.errors import InputError
from tuner.config.resources import count_concurrent_trials
from tuner.config.settings import Settings
from tuner.runtime.cluster.capacity import capacity, check_node_capacity

TIMEOUT = 300.0
"""Seconds for a search that takes forty."""
FAKE = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1", **NODE_SETTINGS}
"""Ray's own autoscaler, which starts processes in place of machines."""
MACHINE = {"CPU": 1, "object_store_memory": 100_000_000}
NOTHING = ("auth", "file_mounts")
NONE = (
    *("cluster_synced_files", "initialization_commands", "setup_commands", "head_setup_commands"),
    *("worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands"),
    *("rsync_exclude", "rsync_filter"),
)


def configuration(address):
    """Return the settings of the autoscaler: at most two machines of one core, at first none."""
    return {
        "cluster_name": "growing",
        "max_workers": 2,
        "idle_timeout_minutes": 10,
        "upscaling_speed": 1.0,
        "provider": {
            "type": "fake_multinode",
            "gcs_address": address,
            "launch_multiple": True,
            "disable_node_updaters": True,
        },
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "worker": {
                "resources": MACHINE, "node_config": {}, "min_workers": 0, "max_workers": 2,
            },
        },
        "head_node_type": "ray.head.default",
        "file_mounts_sync_continuously": False,
        **{key: {} for key in NOTHING},
        **{key: [] for key in NONE},
    }  # fmt: skip


@pytest.fixture
def growing(tmp_path):
    """Return a cluster of a head without cores, which grows when trials wait."""
    with start_cluster(nodes=0, **FAKE) as running:
        file = tmp_path / "cluster.yaml"
        file.write_text(yaml.safe_dump(configuration(running.address)))
        running.head_arguments.extend([
            "--num-cpus=0",
            "--num-gpus=0",
            f"--autoscaling-config={file}",
        ])
        running.start()
        yield running


def search(growing, tmp_path, *words):
    words = [
        "space=weight_decay",
        *SMALL_SETTINGS,
        "trials=3",
        "epochs=2",
        f"results={tmp_path}",
        *words,
    ]
    command = [sys.executable, "-m", "tuner.search", *words, f"address={growing.address}"]
    return subprocess.run(
        command,
        env=growing.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


@pytest.mark.slow
def test_a_cluster_grows_for_concurrency_pending_trials(growing, tmp_path):
    refused = search(growing, tmp_path, "name=study")
    assert refused.returncode == 2
    assert "cpu: must be at most 0, the cores of the largest node of the cluster" in refused.stderr
    assert "write concurrency=N" in refused.stderr
    done = search(growing, tmp_path, "name=study", "concurrency=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "caution: address: no node of the cluster can hold a trial" in done.stdout
    trials, _ = frames(tmp_path)
    assert list(trials.status) == ["completed"] * 3


def replace_nodes(monkeypatch, *each):
    """Replace the nodes of the cluster; each has cores and GPUs."""
    alive = [{"Alive": True, "Resources": {"CPU": c, "GPU": g}} for c, g in each]
    monkeypatch.setattr(ray, "nodes", lambda: [*alive, {"Alive": False, "Resources": {"CPU": 99}}])


def test_how_many_trials_a_cluster_holds(monkeypatch):
    """Four cores and one GPU on each of two nodes: four trials of half a GPU, or those asked."""
    replace_nodes(monkeypatch, (4.0, 1.0), (4.0, 1.0))
    half = Settings(address="auto", gpu=0.5)
    assert count_concurrent_trials(half, *capacity(half)) == 4
    more = Settings(address="auto", gpu=0.5, concurrency=10)
    assert count_concurrent_trials(more, *capacity(more)) == 10
    assert not list(check_node_capacity(more))
    fewer = Settings(address="auto", gpu=0.5, concurrency=3)
    assert count_concurrent_trials(fewer, *capacity(fewer)) == 3
    whole = Settings(address="auto", concurrency=3)  # where there is a GPU, each takes one
    assert count_concurrent_trials(whole, *capacity(whole)) == 3


def test_a_cluster_without_capacity_is_refused_unless_concurrency_is_set(monkeypatch):
    replace_nodes(monkeypatch, (0.0, 0.0))
    with pytest.raises(InputError, match="2 problems:"):
        capacity(Settings(address="auto"))
    asked = Settings(address="auto", concurrency=2, gpu=0.5)
    assert capacity(asked) == (2.0, 1.0)
    assert len(list(check_node_capacity(asked))) == 1
    alone = Settings(concurrency=2)  # this machine does not grow
    with pytest.raises(InputError):
        capacity(alone)
    assert not list(check_node_capacity(alone))
