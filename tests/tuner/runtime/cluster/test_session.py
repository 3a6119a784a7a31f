"""A real cluster of three nodes on this machine, and one of them killed."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ray._private import ray_constants
from ray.autoscaler._private.util import prepare_config, validate_config

import analysis
from benchmarks.cluster import (
    EPOCHS,
    MAX_CONCURRENT,
    TRIALS,
    search_with_node_failure,
)
from benchmarks.local_cluster import TIMEOUT, free_port, start_cluster
from tests.tuner.config.test_compose import problems
from tests.tuner.study_files import make_plan
from tests.tuner.test_search import SMALL
from trainables.errors import InputError
from trainables.hparams import registry
from tuner.config.settings import valid_address
from tuner.runtime.cluster import runtime_env
from tuner.runtime.cluster.local_start import start_with_retry, summarize_error
from tuner.runtime.cluster.runtime_env import SHIPPED_PACKAGES, find_user_files, runtime_environment
from tuner.runtime.cluster.session import resolve_address

TUNER = Path(__file__).parents[4] / "tuner"


@pytest.mark.slow
def test_of_24_trials_on_three_nodes_none_is_lost_when_one_node_dies(tmp_path):
    """Those of the dead node resume elsewhere, from the last epoch whose checkpoint was kept."""
    with start_cluster() as running:
        (tmp_path / "token").write_text("0" * 64)
        refused = join(running, tmp_path, RAY_AUTH_TOKEN_PATH=str(tmp_path / "token"))
        found = search_with_node_failure(running, tmp_path)
    assert refused.returncode == 2
    assert refused.stdout.endswith("Joining Ray ...\n")  # no trial has started
    assert "refuses this machine's token; copy ~/.ray/auth_token" in refused.stderr
    log = (tmp_path / "log").read_text()
    assert found["status"] == 0, log
    assert found["statuses"] == {"completed": TRIALS}, log
    assert (found["counted_twice"], found["epochs_counted_twice"]) == (0, 0)
    assert found["epochs"] == TRIALS * EPOCHS
    assert (
        1 < found["most_at_once"] <= MAX_CONCURRENT
    )  # on a quick machine some end before all begin
    assert found["killed_after"] > 0, log
    assert max(found["went_on_behind_epoch"].values()) >= 1
    assert found["epochs_lost"] == 0


def join(running, tmp_path, **settings):
    """Search on a cluster, with other variables of the environment."""
    keys = [f"address={running.address}", f"results={tmp_path}", "name=refused"]
    return subprocess.run(
        [sys.executable, "-m", "tuner.search", "space=weight_decay", *keys],
        env=running.environment | settings,
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip


@pytest.fixture(scope="module")
def head():
    with start_cluster(nodes=1, dashboard=True) as running:
        yield running


@pytest.mark.slow
def test_a_search_is_submitted_as_a_job_and_leaves_its_results(head, tmp_path):
    """As docs/cluster.md says: the head runs the uploaded copy of this project."""
    words = ["space=weight_decay", *SMALL, "scheduler=none", "trials=2", "gpu=0", "address=auto"]
    words += [f"results={tmp_path}", "name=study"]
    job = [sys.executable, "-m", "ray.scripts.scripts", "job", "submit"]
    job += [f"--address={head.dashboard}", "--working-dir=.", "--"]
    job += [sys.executable, "-m", "tuner.search", *words]
    done = subprocess.run(
        job, cwd=TUNER.parent, env=head.environment | {"RAY_AUTH_MODE": "token"},
        capture_output=True, text=True, check=False, timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Winner: trial 000" in done.stdout
    assert f"Results: {tmp_path / 'study'}" in done.stdout
    frames = analysis.load(tmp_path / "study")
    assert list(frames.trials.status) == ["completed", "completed"]
    assert list(frames.epochs.epoch) == [1, 2, 3, 1, 2, 3]
    assert (tmp_path / "study/best/config.yaml").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "refuses this machine's token; copy ~/.ray/auth_token"),
        (
            "missing",
            "address: Ray's token cannot be read: RAY_AUTH_TOKEN_PATH is set but file cannot be "
            "opened or is empty: missing",
        ),
    ],
)
def test_a_missing_token_is_reported(head, tmp_path, path, message):
    refused = join(head, tmp_path, HOME=str(tmp_path), RAY_AUTH_TOKEN_PATH=path)
    assert refused.returncode == 2
    assert refused.stdout.endswith("Joining Ray ...\n")  # no trial has started
    assert message in refused.stderr


def test_where_there_is_no_cluster_nobody_waits():
    with pytest.raises(ConnectionError, match="refused"):
        resolve_address(f"127.0.0.1:{free_port()}")


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "head.local:6379", "[::1]:6379"])
def test_addresses_that_can_be_joined(address):
    assert valid_address(address) == address


@pytest.mark.parametrize("address", ["", "head", "http://h:8265", "head:port", ":6379"])
def test_addresses_that_cannot(address):
    with pytest.raises(ValueError, match="must be auto or HOST:PORT, as ray start"):
        valid_address(address)


@pytest.mark.parametrize(
    ("address", "host"),
    [("ray://head:10001", "head"), ("ray://[::1]:10001", "[::1]"), ("ray://head", "head")],
)
def test_ray_client_is_refused_with_the_command_that_submits_a_job(address, host):
    first, second = problems("space=weight_decay", "epochs=0", f"address={address}")
    assert first.startswith("epochs: ")
    assert second == (
        "address: must be auto or HOST:PORT; to search from another machine, write `ray job submit "
        f"--address http://{host}:8265 --working-dir . -- python -m tuner.search ... address=auto "
        f"results=/SHARED/FOLDER`, got '{address}'."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no answer\nat all", "no answer"),
        (
            "Version mismatch: that:\n  Ray: 2\nthis:\n  Ray: 3",
            "Version mismatch: that: Ray: 2 this: Ray: 3",
        ),
        ("", "ValueError"),
    ],
)
def test_errors_of_ray_are_shown_on_one_line(text, expected):
    assert summarize_error(ValueError(text)) == expected


def test_nodes_are_sent_the_code_and_own_files_where_they_look_for_them(tmp_path, monkeypatch):
    own = tmp_path / "mine.py"
    shutil.copyfile(TUNER.parent / "trainables/methods/pgd_at.py", own)
    files = find_user_files(make_plan(f"method={own}"))
    assert files == {own}
    shutil.copyfile(TUNER / "searchers/random.py", tmp_path / "searcher.py")
    shutil.copyfile(TUNER / "schedulers/asha.py", tmp_path / "scheduler.py")
    shutil.copyfile(TUNER / "trackers/tensorboard.py", tmp_path / "tracker.py")
    monkeypatch.chdir(tmp_path)  # which paths may be relative to
    study = [f"{key}=./{key}.py" for key in ("searcher", "scheduler", "tracker")]
    assert find_user_files(make_plan(*study)) == {
        tmp_path / each.partition("./")[2] for each in study
    }
    with runtime_environment(files) as sent:
        assert [Path(path).name for path in sent["py_modules"]] == list(SHIPPED_PACKAGES)
        assert all((Path(path) / "__init__.py").is_file() for path in sent["py_modules"])
        assert sent["env_vars"]["RAY_CHDIR_TO_TRIAL_DIR"] == "0"
        own.unlink()  # as on a node, whose folders are others
        monkeypatch.chdir(sent["working_dir"])
        assert registry.load_file(own).outer
    with pytest.raises(LookupError, match="no file"):
        registry.load_file(own)


def test_the_cluster_launcher_takes_the_configuration():
    config = yaml.safe_load((TUNER / "cluster.yaml").read_text())
    validate_config(prepare_config(config | {"cluster_synced_files": []}))
    starts = config["head_start_ray_commands"] + config["worker_start_ray_commands"]
    assert all("RAY_AUTH_MODE=token" in each for each in starts if "ray start" in each)
    assert set(config["file_mounts"].values()) == {"~/.ray/auth_token"}


def test_the_kuberay_job_is_one():
    job = yaml.safe_load((TUNER / "kuberay.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]
    assert "python -m tuner.search" in spec["entrypoint"]
    assert "address=auto" in spec["entrypoint"]
    assert "results=s3://" in spec["entrypoint"]
    cluster_ = spec["rayClusterSpec"]
    assert cluster_["authOptions"] == {"mode": "token"}
    (workers,) = cluster_["workerGroupSpecs"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    for group in (cluster_["headGroupSpec"], workers):
        (container,) = group["template"]["spec"]["containers"]
        assert container["image"] == "attuner:latest"
        assert {each["secretRef"]["name"] for each in container["envFrom"]} == {"attuner-s3"}
    (container,) = workers["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1


@pytest.mark.parametrize("n_failures", [0, 1, 2])
def test_ray_is_started_once_more_if_it_is_too_slow(monkeypatch, n_failures):
    errors = [Exception("The current node timed out during startup.\nDetails:")] * n_failures
    starts, shutdowns = [], []
    monkeypatch.setattr("ray.shutdown", lambda: shutdowns.append(1))

    def start():
        starts.append(1)
        if errors:
            raise errors.pop()

    if n_failures == 2:
        with pytest.raises(InputError) as refusal:
            start_with_retry(start)
        (problem,) = refusal.value.problems
        assert "(The current node timed out during startup.)" in problem
        assert "resume=auto" in problem
    else:
        start_with_retry(start)
    assert (len(starts), len(shutdowns)) == (min(n_failures, 1) + 1, n_failures)


def test_a_script_may_import_ray_before_this_package(monkeypatch):
    """Else `uv run` of a script would start each worker by uv, where there may be no Ray."""
    monkeypatch.setattr(ray_constants, runtime_env.UV_RUN_VARIABLE, True)
    importlib.reload(runtime_env)
    assert not ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV
