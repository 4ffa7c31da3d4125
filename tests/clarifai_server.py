"""A local stand-in of Clarifai's API: its gRPC protocol, in its official protobufs."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from dataclasses import dataclass
from typing import Any

import grpc
from clarifai_grpc.grpc.api import resources_pb2, service_pb2, service_pb2_grpc
from clarifai_grpc.grpc.api.status import status_code_pb2, status_pb2

TOKEN = "5f0c-a-token-for-tests-91ab"

Reaction = Callable[[Any, grpc.ServicerContext], Any]
"""What is done about one request: it returns the answer, or ends the call."""


@dataclass(frozen=True)
class Request:
    """One request, as it came in.

    Attributes:
        authorization: header of that name.
        images: bytes of each.
        message: the rest.
    """

    authorization: str
    images: list[bytes]
    message: Any


def status(name: str, details: str = "") -> Any:
    """A status of Clarifai's."""
    code = status_code_pb2.StatusCode.Value(name)
    return status_pb2.Status(code=code, description=name.lower(), details=details)


def concept(content: bytes) -> str:
    """What the stand-in sees on an image: its own name for every one."""
    return f"picture {hashlib.sha256(content).hexdigest()[:8]}"


def answer(
    failing: Mapping[int, str] | None = None, *, echo: bool = True, backwards: bool = False
) -> Reaction:
    """Answers with each image's concept and three that every image has.

    Args:
        failing: place of an image to the status it gets instead.
        echo: whether the ids of the inputs come back; else the service's own.
        backwards: whether the last image is answered first.
    """
    wrong = failing or {}

    def react(request: Any, context: grpc.ServicerContext) -> Any:
        outputs = []
        for place, sent in enumerate(request.inputs):
            output = resources_pb2.Output(status=status(wrong.get(place, "SUCCESS")))
            output.input.id = sent.id if echo else f"own-{place}"
            if place not in wrong:
                _see(output, sent.data.image.base64, request.model.output_info.output_config)
            outputs.append(output)
        names = [wrong.get(place) for place in range(len(outputs))]
        whole = "SUCCESS" if not any(names) else "FAILURE" if all(names) else "MIXED_STATUS"
        return service_pb2.MultiOutputResponse(
            status=status(whole), outputs=outputs[::-1] if backwards else outputs
        )

    return react


def refusal(name: str, details: str = "") -> Reaction:
    """Answers with a status and nothing else."""
    return lambda request, context: service_pb2.MultiOutputResponse(status=status(name, details))


def broken(code: grpc.StatusCode, details: str = "") -> Reaction:
    """Ends the call with an error of gRPC's."""
    return lambda request, context: context.abort(code, details)


def late() -> Reaction:
    """Answers when nobody waits for it any more."""

    def react(request: Any, context: grpc.ServicerContext) -> Any:
        while context.is_active():
            time.sleep(0.01)
        return answer()(request, context)

    return react


def spoiled_by(content: bytes) -> Reaction:
    """Refuses a request that holds this image, without saying which it is."""

    def react(request: Any, context: grpc.ServicerContext) -> Any:
        if any(sent.data.image.base64 == content for sent in request.inputs):
            return refusal("INPUT_INVALID_ARGUMENT")(request, context)
        return answer()(request, context)

    return react


class ClarifaiServer(service_pb2_grpc.V2Servicer):  # type: ignore[misc]
    """Answers predictions on the loopback address.

    Attributes:
        requests: what came in.
        endpoint: host and port.
        script: reactions to the next requests, in order; then :attr:`usual`.
        usual: reaction to all others.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.endpoint = ""
        self.script: list[Reaction] = []
        self.usual: Reaction = answer()

    @property
    def sizes(self) -> list[int]:
        """Images of each request."""
        return [len(request.images) for request in self.requests]

    def PostModelOutputs(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        given = dict(context.invocation_metadata()).get("authorization", "")
        images = [sent.data.image.base64 for sent in request.inputs]
        self.requests.append(Request(given, images, request))
        if given != f"Key {TOKEN}":
            # As careless as a service can be: it says the key.
            return refusal("CONN_KEY_INVALID", f"no such key: {given}")(request, context)
        return (self.script.pop(0) if self.script else self.usual)(request, context)


@contextlib.contextmanager
def running() -> Iterator[ClarifaiServer]:
    """Serves until the end of the block."""
    servicer = ClarifaiServer()
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=2),
        options=[("grpc.max_receive_message_length", -1)],
    )
    service_pb2_grpc.add_V2Servicer_to_server(servicer, server)
    servicer.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield servicer
    finally:
        server.stop(grace=None).wait()


def _see(output: Any, content: bytes, config: Any) -> None:
    seen = [("cover", 0.5), (concept(content), 0.9375), ("art", 0.75), ("music", 0.5)]
    kept = [one for one in seen if one[1] >= config.min_value][: config.max_concepts]
    for name, value in kept:
        output.data.concepts.add(id=f"ai_{name}", name=name, value=value)
