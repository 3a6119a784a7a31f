"""Start Ray on one machine so that it listens on 127.0.0.1 only."""

from collections.abc import Iterator
from contextlib import contextmanager

from ray._private import ray_constants


@contextmanager
def listen_on_loopback() -> Iterator[None]:
    """Make a Ray started inside this context listen on 127.0.0.1 only.

    Ray does this on macOS and Windows, where it supports no clusters. No argument selects it:
    Ray replaces a loopback `_node_ip_address` by an outer address.
    """
    default = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = default
