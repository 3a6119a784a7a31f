"""Whether a Ray Client server lets this machine in; Ray itself would ask for 39 seconds."""

from grpc import RpcError, StatusCode
from ray._private.grpc_utils import init_grpc_channel
from ray.core.generated.ray_client_pb2 import (  # type: ignore[attr-defined]
    ClusterInfoRequest,
    ClusterInfoType,
)
from ray.core.generated.ray_client_pb2_grpc import RayletDriverStub
from ray.exceptions import AuthenticationError

from tuner.lifeline import ANSWER


def admitted(server: str) -> None:
    """Ask a server once what Ray Client asks it first, with this machine's token if it has one.

    What else may be wrong is left to Ray, which asks again, for a server may be busy.

    Args:
        server: HOST:PORT.

    Raises:
        AuthenticationError: If it wants another token.
        ConnectionError: If it is no server of Ray Client.
    """
    ping = ClusterInfoRequest(type=ClusterInfoType.PING)
    with init_grpc_channel(server) as channel:
        try:
            stub = RayletDriverStub(channel)  # type: ignore[no-untyped-call]
            stub.ClusterInfo(ping, timeout=ANSWER)
        except RpcError as error:
            if error.code() is StatusCode.UNAUTHENTICATED:
                raise AuthenticationError(error.details()) from None
            if error.code() is StatusCode.UNIMPLEMENTED:
                raise ConnectionError("who listens there is no server of Ray Client") from None
