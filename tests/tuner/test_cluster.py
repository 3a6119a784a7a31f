"""A real cluster of three nodes on this machine, and one of them killed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ray._private.runtime_env.packaging import get_uri_for_directory
from ray.autoscaler._private.util import prepare_config, validate_config

from benchmarks.cluster import EPOCHS, ROOM, TRIALS, cluster, free_port, survive
from tests.tuner.accounts import planned
from trainables import catalogue
from tuner.cluster import answering
from tuner.settings import joinable
from tuner.shipping import PACKAGES, environment, own_files

TUNER = Path(__file__).parents[2] / "tuner"


@pytest.mark.slow
def test_of_24_trials_on_three_nodes_none_is_lost_when_one_node_dies(tmp_path):
    """Those of the dead node go on elsewhere, from the last epoch whose checkpoint was kept."""
    with cluster() as running:
        refused = join(running, tmp_path)
        found = survive(running, tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "refuses this machine's token; copy ~/.ray/auth_token" in refused.stderr
    log = (tmp_path / "log").read_text()
    assert found["status"] == 0, log
    assert found["statuses"] == {"completed": TRIALS}, log
    assert (found["counted_twice"], found["epochs_counted_twice"]) == (0, 0)
    assert found["epochs"] == TRIALS * EPOCHS
    assert 1 < found["most_at_once"] <= ROOM  # on a quick machine some end before all begin
    assert found["killed_after"] > 0, log
    assert max(found["went_on_behind_epoch"].values()) >= 1
    assert found["epochs_lost"] == 0


def join(running, tmp_path):
    """Search with another token than the cluster's."""
    (tmp_path / "token").write_text("0" * 64)
    keys = [f"address={running.address}", f"results={tmp_path}", "name=refused"]
    return subprocess.run(
        [sys.executable, "-m", "tuner.search", "space=weight_decay", *keys],
        env=running.environment | {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip


def test_where_there_is_no_cluster_nobody_waits():
    with pytest.raises(ConnectionError, match="refused"):
        answering(f"127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    "address", ["auto", "10.0.0.1:6379", "head.local:6379", "[::1]:6379", "ray://h:10001"]
)
def test_addresses_that_can_be_joined(address):
    assert joinable(address) == address


@pytest.mark.parametrize("address", ["", "head", "ray://h", "http://h:8265", "head:port", ":6379"])
def test_addresses_that_cannot(address):
    with pytest.raises(ValueError, match="must be auto, HOST:PORT, as ray start"):
        joinable(address)


def test_nodes_are_sent_the_code_and_own_files_where_they_look_for_them(tmp_path, monkeypatch):
    own = tmp_path / "mine.py"
    shutil.copyfile(TUNER.parent / "trainables/methods/pgd_at.py", own)
    files = own_files(planned(f"method={own}"))
    assert files == {own}
    shutil.copyfile(TUNER / "searchers/random.py", tmp_path / "searcher.py")
    shutil.copyfile(TUNER / "schedulers/none.py", tmp_path / "scheduler.py")
    shutil.copyfile(TUNER / "trackers/tensorboard.py", tmp_path / "tracker.py")
    monkeypatch.chdir(tmp_path)  # which paths may be relative to
    study = [f"{key}=./{key}.py" for key in ("searcher", "scheduler", "tracker")]
    assert own_files(planned(*study)) == {tmp_path / each.partition("./")[2] for each in study}
    with environment(files, "s3://bucket/studies") as sent:
        assert [Path(path).name for path in sent["py_modules"]] == list(PACKAGES)
        assert all((Path(path) / "__init__.py").is_file() for path in sent["py_modules"])
        assert sent["env_vars"]["RAY_CHDIR_TO_TRIAL_DIR"] == "0"
        own.unlink()  # as on a node, whose folders are others
        monkeypatch.chdir(sent["working_dir"])
        assert catalogue.load_file(own).outer
    with pytest.raises(LookupError, match="no file"):
        catalogue.load_file(own)


def test_searches_whose_results_go_elsewhere_have_other_folders_on_a_node():
    """Beside the head the working copy lies there, under the name of the study alone."""
    found = [uri("s3://one/studies"), uri("s3://other/studies"), uri("s3://one/studies")]
    assert found[0] == found[2] != found[1]


def uri(results):
    """Return what Ray calls the folder that it makes of what is sent."""
    with environment([], results) as sent:
        return get_uri_for_directory(sent["working_dir"], include_gitignore=True, excludes=[])


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
