"""Servers that let nobody in, or are none of Ray Client's; test_client.py has the real one."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from ray.core.generated.ray_client_pb2 import ClusterInfoResponse
from ray.core.generated.ray_client_pb2_grpc import (
    RayletDriverServicer,
    add_RayletDriverServicer_to_server,
)
from ray.exceptions import AuthenticationError

from tuner.admission import admitted


class Answers(RayletDriverServicer):
    """A server that answers a ping with a status."""

    def __init__(self, code):
        self.code, self.asked = code, 0

    def ClusterInfo(self, request, context):  # noqa: N802
        self.asked += 1
        if self.code is not grpc.StatusCode.OK:
            context.abort(self.code, "no")
        return ClusterInfoResponse(json="{}")


@pytest.fixture
def server():
    found = grpc.server(ThreadPoolExecutor(1))
    found.address = f"127.0.0.1:{found.add_insecure_port('127.0.0.1:0')}"
    found.start()
    yield found
    found.stop(0)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.OK, None),
        (grpc.StatusCode.UNAVAILABLE, None),  # which Ray waits for
        (grpc.StatusCode.UNAUTHENTICATED, AuthenticationError),
    ],
)
def test_a_server_is_asked_once(server, code, error):
    answers = Answers(code)
    add_RayletDriverServicer_to_server(answers, server)
    if error is None:
        admitted(server.address)
    else:
        with pytest.raises(error):
            admitted(server.address)
    assert answers.asked == 1


def test_another_server_than_ray_clients_is_told(server):
    with pytest.raises(ConnectionError, match="is no server of Ray Client"):
        admitted(server.address)
