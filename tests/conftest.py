"""Where real data may lie, and one thread for all, so that numbers do not depend on the machine."""

import os
from pathlib import Path

import pytest
import ray
import torch

from tuner.cluster import QUIET
from tuner.loopback import loopback

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _keys():
    """Let trials, whose processes inherit them, write to the S3 servers that tests start."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests"}


@pytest.fixture(scope="session")
def machine():
    """Start Ray once for all searches of this process: most of a small one is its start."""
    with loopback():
        ray.init(num_cpus=2, include_dashboard=False, **QUIET)
    yield
    ray.shutdown()


@pytest.fixture
def shared() -> Path:
    """Return the folder with the original files of MNIST and CIFAR-10."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the data sets' original files, and there is no {SHARED}")
    return SHARED
