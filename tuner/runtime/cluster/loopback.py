"""A Ray of one machine, which listens to that machine alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from ray._private import ray_constants


@contextmanager
def listen_on_loopback() -> Iterator[None]:
    """Have a Ray that is started while inside listen on 127.0.0.1, and on no other interface.

    Ray does so by itself where it knows no clusters, on macOS and Windows; there is no argument for
    it, for `_node_ip_address` is made an outer one again.
    """
    usual = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = usual
