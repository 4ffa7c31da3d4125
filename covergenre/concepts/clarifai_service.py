"""One request to Clarifai's gRPC API, by its official client, and what the answer means.

The token is read from the environment (``CLARIFAI_PAT``), nowhere else, and is in no message: what
the service says is searched for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
from clarifai_grpc.grpc.api import resources_pb2, service_pb2, service_pb2_grpc
from clarifai_grpc.grpc.api.status import status_code_pb2

from covergenre.concepts import clarifai_status
from covergenre.concepts.clarifai_status import Meaning
from covergenre.concepts.tagger import Tagged, TaggerFailure, ranked
from covergenre.config.concepts import Clarifai
from covergenre.errors import CostLimitError, QuotaError, TaggerError

TOKEN = "CLARIFAI_PAT"
"""Environment variable with a personal access token."""

_SAID = 200
"""Characters that are kept of what the service says."""


class BusyError(Exception):
    """There was no answer; asking again may help."""


class UnusableError(Exception):
    """The request is refused because of one or more of its images, and it is not said which."""


@dataclass(frozen=True)
class Answer:
    """What was said about each image of a request.

    Attributes:
        tagged: in the order of the images; None where asking again may help.
        stop: why nothing more may be asked; None if it may.
    """

    tagged: list[Tagged | None]
    stop: TaggerError | None = None


class ClarifaiService:
    """A model of Clarifai's.

    Args:
        settings: ``concepts.clarifai``.

    Attributes:
        requests, images: sent so far, repetitions too: an upper bound of what is paid for.

    Raises:
        TaggerError: ``CLARIFAI_PAT`` is not set, or is no token.
    """

    def __init__(self, settings: Clarifai) -> None:
        self.requests = 0
        self.images = 0
        self._settings = settings
        self._metadata = (("authorization", f"Key {_token()}"),)
        self._stub = service_pb2_grpc.V2Stub(_channel(settings))

    def images_left(self) -> int | None:
        """That may be sent within ``max_images``; None without this limit."""
        limit = self._settings.max_images
        return None if limit is None else max(0, limit - self.images)

    def ask(self, contents: Sequence[bytes]) -> Answer:
        """Send images in one request.

        Args:
            contents: at least one, at most 128, in formats and sizes that the API takes.

        Raises:
            BusyError: no answer.
            UnusableError: an image spoils the request.
            CostLimitError: ``max_requests`` or ``max_images`` are used up; nothing was sent.
            QuotaError: the plan is used up or does not cover the request.
            TaggerError: the token or the model is refused.
        """
        self._spend(len(contents))
        try:
            response = self._stub.PostModelOutputs(
                self._request(contents),
                metadata=self._metadata,
                timeout=self._settings.timeout_seconds,
            )
        except grpc.RpcError as error:
            said = self._clean(error.code().name, error.details() or "")
            meaning = clarifai_status.rpc_meaning(error.code())
            if meaning is Meaning.BUSY:
                raise BusyError(said) from None
            raise self._refusal(meaning, said) from None
        return self._answer(response, len(contents))

    def _spend(self, images: int) -> None:
        limits = self._settings
        for name, spent, limit in (
            ("max_requests", self.requests + 1, limits.max_requests),
            ("max_images", self.images + images, limits.max_images),
        ):
            if limit is not None and spent > limit:
                raise CostLimitError(
                    f"concepts.clarifai.{name} = {limit} is used up in this run; what was got is "
                    "kept: run again to go on, or raise it"
                )
        self.requests += 1
        self.images += images

    def _request(self, contents: Sequence[bytes]) -> Any:
        settings = self._settings
        config = resources_pb2.OutputConfig(
            max_concepts=settings.max_concepts, min_value=settings.min_score
        )
        inputs = [
            resources_pb2.Input(
                id=str(place), data=resources_pb2.Data(image=resources_pb2.Image(base64=content))
            )
            for place, content in enumerate(contents)
        ]
        return service_pb2.PostModelOutputsRequest(
            user_app_id=resources_pb2.UserAppIDSet(user_id=settings.user, app_id=settings.app),
            model_id=settings.model,
            version_id=settings.version or "",
            inputs=inputs,
            model=resources_pb2.Model(output_info=resources_pb2.OutputInfo(output_config=config)),
        )

    def _answer(self, response: Any, images: int) -> Answer:
        meaning, said = self._read(response.status)
        if meaning in (Meaning.QUOTA, Meaning.ACCESS, Meaning.REQUEST):
            raise self._refusal(meaning, said)
        if not response.outputs:
            raise UnusableError(said) if meaning is Meaning.IMAGE else BusyError(said)
        tagged: list[Tagged | None] = [None] * images
        stops: list[TaggerError] = []
        refused = 0
        for place, output in _in_order(response.outputs, images):
            meaning, said = self._read(output.status)
            refused += meaning is Meaning.REQUEST
            if output.status.code == status_code_pb2.SUCCESS:
                concepts = ((concept.name, concept.value) for concept in output.data.concepts)
                tagged[place] = ranked(concepts, self._settings.min_score)
            elif meaning in (Meaning.QUOTA, Meaning.ACCESS):
                stops.append(self._refusal(meaning, said))
            elif meaning is not Meaning.BUSY:
                tagged[place] = TaggerFailure("rejected", said)
        if refused == len(response.outputs):  # it is not about an image
            raise self._refusal(Meaning.REQUEST, said)
        return Answer(tagged, stops[0] if stops else None)

    def _read(self, status: Any) -> tuple[Meaning, str]:
        name = clarifai_status.name(status.code)
        said = self._clean(name, f"{status.description} {status.details}")
        return clarifai_status.meaning(status.code), said

    def _clean(self, name: str, text: str) -> str:
        secret = self._metadata[0][1].removeprefix("Key ")
        return " ".join(f"{name}: {text}".replace(secret, TOKEN).split())[:_SAID]

    def _refusal(self, meaning: Meaning, said: str) -> TaggerError:
        if meaning is Meaning.QUOTA:
            return QuotaError(
                f"Clarifai's plan does not allow more ({said}); what was got is kept: run again "
                "when it is renewed, or change the plan"
            )
        if meaning is Meaning.ACCESS:
            return TaggerError(f"Clarifai refuses the token in {TOKEN} ({said}): set a valid one")
        model = f"{self._settings.model_path} at {self._settings.endpoint}"
        return TaggerError(
            f"Clarifai refuses {model} ({said}): correct concepts.clarifai.user, app, model, "
            "version or endpoint"
        )


def _in_order(outputs: Sequence[Any], images: int) -> Iterable[tuple[int, Any]]:
    """Answers with the place of their image.

    Raises:
        BusyError: they cannot be told apart.
    """
    places = {str(place): place for place in range(images)}
    if all(output.input.id in places for output in outputs):
        return [(places[output.input.id], output) for output in outputs]
    if len(outputs) == images:  # a model that gives ids of its own keeps the order
        return enumerate(outputs)
    raise BusyError(f"{len(outputs)} answers about {images} images")


def _token() -> str:
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise TaggerError(
            f"{TOKEN} is not set: put a personal access token of Clarifai's into this environment "
            "variable (Clarifai: Settings, Secrets)"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise TaggerError(f"{TOKEN} holds characters that no token has: copy it again")
    return token


def _channel(settings: Clarifai) -> grpc.Channel:
    host, port = settings.address
    if settings.insecure:
        return ClarifaiChannel.get_insecure_grpc_channel(base=host, port=port)
    return ClarifaiChannel.get_grpc_channel(base=settings.endpoint)
