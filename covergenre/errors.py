"""Errors that a user can act on. Jobs print their text as one line and exit with ``exit_code``."""

from __future__ import annotations


class CovergenreError(Exception):
    """Base of the errors whose message names what is wrong and how to mend it."""

    exit_code = 2


class SettingError(CovergenreError):
    """A setting is unknown, has the wrong type or is out of range."""


class CatalogueError(CovergenreError):
    """The catalogue given (folder, CSV or Delta table) cannot be read as one."""


class OutputError(CovergenreError):
    """The output cannot be written, or belongs to another catalogue."""


class LockedError(OutputError):
    """Another job is writing to the same warehouse."""

    exit_code = 7


class MarksError(CovergenreError):
    """Labels marked by hand cannot be read, or are not on the catalogue's covers."""


class BundleError(CovergenreError):
    """A model bundle is missing, incomplete or does not match its digests."""


class BackboneError(CovergenreError):
    """A backbone or its weights cannot be had."""


class EngineError(CovergenreError):
    """An engine cannot compute a network, or computes it otherwise than the reference."""


class TrainingDataError(CovergenreError):
    """There is not enough labelled data to train on."""


class SourceError(CovergenreError):
    """A remote source cannot be read, or does not want to be: what was read so far is kept."""

    exit_code = 5


class SourceRefusedError(SourceError):
    """The source says no: robots.txt, 401, 403, a challenge page, or a wait beyond the limit."""


class SourceUnavailableError(SourceError):
    """The source did not answer, or with server errors, as often as it was asked."""


class LayoutError(SourceError):
    """The source's pages are not what the settings say they are."""


class ConceptsError(CovergenreError):
    """Published concepts cannot be read."""


class TaggerError(CovergenreError):
    """A tagger cannot be used: its token, its model or its files."""


class TaggingStoppedError(TaggerError):
    """A tagging service answers no more: what was got so far is kept."""

    exit_code = 5


class QuotaError(TaggingStoppedError):
    """The plan that pays for a tagging service is used up, or does not cover it."""


class CostLimitError(TaggingStoppedError):
    """A run has asked a tagging service as often as the settings allow."""


class BrowserError(CovergenreError):
    """There is no browser, or it does not start."""

    exit_code = 3


class ThresholdError(CovergenreError):
    """A bundle is not promoted: one line for each threshold that it misses."""

    exit_code = 6


class AccountingError(CovergenreError):
    """Predictions and quarantine do not add up to the albums: a defect, never to be ignored."""

    exit_code = 4


class ImageError(ValueError):
    """One cover cannot be used.

    Attributes:
        reason: a key of :data:`covergenre.images.REASONS`.
        detail: what was found, for people; at most 200 characters.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail[:200]
