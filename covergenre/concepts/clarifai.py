"""Clarifai's image recognition as a tagger: batches, repetitions, limits of cost.

One thread asks, one request after the other, so that the cost of a run and the service's limit of
requests per second are counted in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from covergenre.concepts.clarifai_images import sendable
from covergenre.concepts.clarifai_service import BusyError, ClarifaiService, UnusableError
from covergenre.concepts.tagger import Tagged, Tagger, TaggerFailure
from covergenre.config.concepts import Clarifai
from covergenre.errors import ImageError, TaggerError, TaggingStoppedError
from covergenre.images import Limits


class _LeftOutError(BusyError):
    """There was an answer, but not about every cover."""


@dataclass
class _Batch:
    """Covers of one request, and what is known of them.

    Attributes:
        covers: cover_id and what is sent.
        tagged: by place in ``covers``.
    """

    covers: list[tuple[str, bytes]] = field(default_factory=list)
    tagged: dict[int, Tagged] = field(default_factory=dict)

    @property
    def byte_size(self) -> int:
        return sum(len(content) for _, content in self.covers)

    @property
    def pending(self) -> list[int]:
        return [place for place in range(len(self.covers)) if place not in self.tagged]

    @property
    def known(self) -> list[tuple[str, Tagged]]:
        return [(self.covers[place][0], self.tagged[place]) for place in sorted(self.tagged)]


class ClarifaiTagger(Tagger):
    """Asks a model of Clarifai's, by default its general image recognition.

    Args:
        settings: ``concepts.clarifai``.
        limits: what is accepted as a cover where one has to be decoded.

    Raises:
        TaggerError: ``CLARIFAI_PAT`` is not set, or is no token.
    """

    def __init__(self, settings: Clarifai, limits: Limits | None = None) -> None:
        self.name = settings.tagger
        self.batch_size = settings.batch_size
        self.service = ClarifaiService(settings)
        self._settings = settings
        self._limits = limits or Limits()

    def tag(self, contents: Sequence[bytes]) -> list[Tagged]:
        covers = (("", content) for content in contents)
        return [tagged for batch in self.describe(covers) for _, tagged in batch]

    def describe(self, covers: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, Tagged]]]:
        """As :meth:`Tagger.describe`; a batch is one request, and its repetitions.

        A cover that the service refuses is a :class:`TaggerFailure`, the others of its request are
        not. Requests are smaller where ``max_request_bytes`` or ``max_images`` say so.

        Raises:
            QuotaError: the plan is used up or does not cover the request.
            CostLimitError: ``max_requests`` or ``max_images`` of this run are used up.
            TaggingStoppedError: no answer in ``attempts`` attempts.
            TaggerError: the token or the model is refused.
        """
        for batch in self._batches(covers):
            try:
                self._fill(batch)
            except TaggerError:
                if batch.tagged:  # has been paid for
                    yield batch.known
                raise
            yield batch.known

    def _batches(self, covers: Iterable[tuple[str, bytes]]) -> Iterator[_Batch]:
        batch = _Batch()
        for cover_id, content in covers:
            failure = None
            try:
                content = sendable(content, self._settings, self._limits)
            except ImageError as error:
                content, failure = b"", TaggerFailure(error.reason, error.detail)
            if batch.covers and self._is_full(batch, len(content)):
                yield batch
                batch = _Batch()
            if failure is not None:
                batch.tagged[len(batch.covers)] = failure
            batch.covers.append((cover_id, content))
        if batch.covers:
            yield batch

    def _is_full(self, batch: _Batch, further: int) -> bool:
        left = self.service.images_left()
        most = self.batch_size if left is None else min(self.batch_size, left)
        too_heavy = batch.byte_size + further > self._settings.max_request_bytes
        return too_heavy or len(batch.covers) >= most

    def _fill(self, batch: _Batch) -> None:
        """Ask, and ask again about what may be answered later, until all is known."""
        settings = self._settings
        retrying = Retrying(
            retry=retry_if_exception_type(BusyError),
            stop=stop_after_attempt(settings.attempts),
            wait=wait_exponential_jitter(
                multiplier=settings.retry_seconds,
                max=settings.max_retry_seconds,
                jitter=settings.retry_seconds,
            ),
            reraise=True,
        )
        try:
            retrying(self._attempt, batch)
        except BusyError as error:
            # One cover that is never answered must not end every run.
            alone = len(batch.covers) == 1 and isinstance(error, _LeftOutError)
            if not batch.tagged and not alone:
                raise TaggingStoppedError(
                    f"Clarifai ({settings.endpoint}) did not answer in {settings.attempts} "
                    f"attempts: {error}; what was got is kept: run again to go on"
                ) from None
            for place in batch.pending:
                batch.tagged[place] = TaggerFailure("unanswered", str(error))

    def _attempt(self, batch: _Batch) -> None:
        if batch.pending:
            self._exchange(batch, batch.pending)
        if batch.pending:
            left = f"{len(batch.pending)} of {len(batch.covers)}"
            raise _LeftOutError(f"no answer about {left} covers")

    def _exchange(self, batch: _Batch, places: list[int]) -> None:
        """Send these covers in one request; where one spoils it, in two."""
        try:
            answer = self.service.ask([batch.covers[place][1] for place in places])
        except UnusableError as error:
            if len(places) == 1:
                batch.tagged[places[0]] = TaggerFailure("rejected", str(error))
                return
            half = len(places) // 2
            self._exchange(batch, places[:half])
            self._exchange(batch, places[half:])
            return
        for place, tagged in zip(places, answer.tagged, strict=True):
            if tagged is not None:
                batch.tagged[place] = tagged
        if answer.stop is not None:
            raise answer.stop
