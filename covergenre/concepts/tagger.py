"""Taggers of one interface: the bytes of covers in, concepts with scores out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from covergenre.images import REASONS

FAILURES = {
    **REASONS,
    "rejected": "the tagger cannot use this image",
    "unanswered": "there was no answer about this image: the next run asks again",
    "unpublished": "the published concepts do not tell of this cover",
}
"""Why a cover has no concepts."""


@dataclass(frozen=True)
class Concept:
    """Something on a cover.

    Attributes:
        name: as the tagger calls it.
        score: the tagger's certainty, above 0 and at most 1; None if the source keeps back whether
            it is there. What is not named at all was looked for and not seen.
    """

    name: str
    score: float | None


@dataclass(frozen=True)
class TaggerFailure:
    """Why a cover has no concepts.

    Attributes:
        reason: a key of :data:`FAILURES`.
        detail: what was found, for people; at most 200 characters.
    """

    reason: str
    detail: str

    @property
    def passing(self) -> bool:
        """Whether asking again may help: not to be stored, or it would not be asked again."""
        return self.reason == "unanswered"


Tagged = list[Concept] | TaggerFailure
"""The concepts of a cover, the most certain first, unknown ones last; or why there are none."""


class Tagger(ABC):
    """Names what is on covers.

    Attributes:
        name: of the tagger with all that changes its answers (version, threshold): covers that it
            has described under this name need not be described again.
        batch_size: covers a call of :meth:`tag`, at most.
    """

    name: str
    batch_size: int

    @abstractmethod
    def tag(self, contents: Sequence[bytes]) -> list[Tagged]:
        """What is on each cover, in their order.

        Args:
            contents: the bytes of the files.

        Raises:
            TaggerError: the tagger cannot go on.
        """

    def describe(self, covers: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, Tagged]]]:
        """Tag any number of covers, batch by batch, in order.

        What is yielded is to be stored before the next is asked for: then a kill loses the work,
        and the cost, of one batch.

        Args:
            covers: cover_id and bytes of the file; read as needed.

        Raises:
            TaggerError: the tagger cannot go on; what is known by then has been yielded.
        """
        batch: list[tuple[str, bytes]] = []
        for cover in covers:
            batch.append(cover)
            if len(batch) == self.batch_size:
                yield self._described(batch)
                batch = []
        if batch:
            yield self._described(batch)

    def _described(self, batch: list[tuple[str, bytes]]) -> list[tuple[str, Tagged]]:
        tagged = self.tag([content for _, content in batch])
        return [(cover_id, one) for (cover_id, _), one in zip(batch, tagged, strict=True)]


def ranked(scores: Iterable[tuple[str, float]], least: float = 0.0) -> list[Concept]:
    """Concepts, the most certain first, equal ones by name; a name given twice counts once.

    Args:
        scores: name and score, at most 1.
        least: lower scores are left out, and so is 0.
    """
    highest: dict[str, float] = {}
    for name, score in scores:
        if score > 0 and score >= least:
            highest[name] = max(score, highest.get(name, 0.0))
    return [
        Concept(*item) for item in sorted(highest.items(), key=lambda item: (-item[1], item[0]))
    ]
