"""Where real data may lie, and one thread for all, so that numbers do not depend on the machine."""

import os
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import ray
import torch
from pyarrow.fs import FileSystem

from tuner.runtime.cluster import early_start
from tuner.runtime.cluster.local_start import (
    RAY_INIT_OPTIONS,
    listen_on_loopback,
    start_with_retry,
)

DATA_FOLDER = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def _use_one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _set_s3_keys():
    """Let trials, whose processes inherit them, write to the S3 servers that tests start."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests"}


@pytest.fixture(autouse=True, scope="session")
def _do_not_start_ray_early():
    """Start no Ray in this process while a study is checked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(early_start, "may_start_early", lambda _: False)
        yield


@pytest.fixture(scope="session")
def machine():
    """Start Ray once for all searches of this process: most of a small one is its start."""
    with listen_on_loopback():
        start_with_retry(partial(ray.init, num_cpus=2, include_dashboard=False, **RAY_INIT_OPTIONS))
    yield
    ray.shutdown()


@pytest.fixture
def shared() -> Path:
    """Return the folder with the original files of MNIST and CIFAR-10."""
    if not DATA_FOLDER.is_dir():
        pytest.skip(f"needs the data sets' original files, and there is no {DATA_FOLDER}")
    return DATA_FOLDER


@pytest.fixture
def bucket():
    """Start an S3 server; return the address of a folder in a bucket of it."""
    server = pytest.importorskip("moto.server", reason="needs moto[server]").ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    server.start()
    host, port = server.get_host_and_port()
    name = f"bucket-{uuid4().hex}"  # servers of one process share what they keep
    address = f"s3://{name}/studies?endpoint_override={host}:{port}&scheme=http"
    files, _ = FileSystem.from_uri(f"{address}&allow_bucket_creation=true")
    files.create_dir(f"{name}/studies")
    yield address
    server.stop()
