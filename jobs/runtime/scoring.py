"""What a bundle says of covers, and the rows of predictions that come of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from covergenre.appearance import version
from covergenre.bundle import Bundle
from covergenre.concepts import local
from covergenre.concepts.local import LocalModel
from covergenre.config import Settings
from covergenre.engines import Engine, choose
from covergenre.errors import BundleError
from covergenre.fusion.inputs import ADVISORY, APPEARANCE, CONCEPTS
from covergenre.images import Limits
from jobs.runtime import logs, session
from schemas import PREDICTIONS
from udfs.concepts import ShippedTagger
from udfs.score import Describing, make_score
from udfs.worker import ShippedBundle


@dataclass(frozen=True)
class Asked:
    """What is asked of a cover beside its genre and label.

    Attributes:
        tagger: names what is on it; None: nobody does.
        colours: of its palette, at most; None: colour and composition are not measured.
        combined: which of these the bundle's combined model reads.
        limits: what is accepted as a cover.
        embedding: whether the classifier's embedding is kept.
    """

    tagger: LocalModel | None
    colours: int | None
    combined: frozenset[str]
    limits: Limits
    embedding: bool = False

    @property
    def digest(self) -> str:
        """Names it: what was inferred under another digest answers another question."""
        parts = {
            "tagger": self.tagger and self.tagger.name,
            "appearance": None if self.colours is None else version(self.colours),
            "combined": sorted(self.combined),
            "limits": asdict(self.limits),
            # Not said where not asked for, as before it could be: nothing is looked at again.
            **({"embedding": True} if self.embedding else {}),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def asked(bundle: Bundle, settings: Settings) -> Asked:
    """What ``score.describe`` asks for, and what of it the bundle's combined model reads.

    That model reads what it has learnt from. Where the settings mean another tagger, or other
    measures, it does without them, and a warning says so.

    Raises:
        TaggerError: a file of the user's tagger is missing, or is none of the kinds that are read.
    """
    fusion, wanted = bundle.fusion, settings.score.describe
    tagger = _tagger(settings) if "concepts" in wanted else None
    colours = settings.describe.colours if "appearance" in wanted else None
    combined = set()
    if fusion is not None:
        said = {
            ADVISORY: (True, True),
            CONCEPTS: (fusion.tagger, tagger and tagger.name),
            APPEARANCE: (fusion.appearance, None if colours is None else version(colours)),
        }
        combined = {part for part in fusion.parts if said[part][0] == said[part][1]}
        for part in sorted({*fusion.parts} & {*wanted} - combined):
            logs.warn(
                f"the bundle's combined model does without {part}: it has learnt from "
                f"{said[part][0]}, the settings mean {said[part][1]}"
            )
    limits = settings.images.limits
    return Asked(tagger, colours, frozenset(combined), limits, "embedding" in wanted)


def scorer(
    bundle: Bundle, question: Asked, settings: Settings, spark: SparkSession
) -> Callable[[DataFrame], DataFrame]:
    """A bundle's models on the executors, as a function of covers.

    Args:
        bundle: verified; shipped to the executors.
        question: what is asked beside genre and label.
        settings: of scoring and engine.
        spark: the session.

    Returns:
        From covers (``cover_id``, ``content``) to ``cover_id`` and the columns of
        :data:`udfs.score.SCORED`, in one pass over their bytes.
    """
    chosen = engine(bundle, settings)
    tagger = question.tagger
    describing = Describing(
        None if tagger is None else ShippedTagger.of(tagger, chosen, settings, spark),
        question.colours,
        question.combined,
        question.embedding,
    )
    udf = make_score(
        ShippedBundle.of(bundle, chosen, settings, spark), settings.score.batch_size,
        session.task_cpus(spark), question.limits, describing, settings.workers.timeout_seconds,
    )  # fmt: skip
    return lambda covers: covers.select("cover_id", udf("content").alias("said")).select(
        "cover_id", "said.*"
    )


def infer(covers: DataFrame, bundle: Bundle, settings: Settings) -> DataFrame:
    """Show covers (``cover_id``, ``content``) to a bundle's models; see :func:`scorer`."""
    return scorer(bundle, asked(bundle, settings), settings, covers.sparkSession)(covers)


def engine(bundle: Bundle, settings: Settings) -> Engine:
    """What computes a bundle's networks.

    Raises:
        BundleError: int8 is asked for, and the bundle does not say how.
        EngineError: int8 is asked for, and the processor has no units for it.
    """
    chosen = choose(settings.engine.name, settings.engine.precision, bundle.parity)
    if chosen.precision == "int8" and not bundle.has_int8:
        raise BundleError(
            f"bundle {bundle.path} has not been prepared for engine.precision=int8: "
            "jobs/convert.py --int8 does so, with the covers it was trained on"
        )
    return chosen


def _tagger(settings: Settings) -> LocalModel | None:
    """The tagger, unless it is a service: such are not asked inside the one pass."""
    return local.resolve(settings.concepts) if settings.concepts.tagger_is_local else None


def predict(albums: DataFrame, inferences: DataFrame, bundle: Bundle) -> DataFrame:
    """The rows of predictions: every album whose cover the networks have seen.

    Args:
        albums: the table albums.
        inferences: the table of that name, of this bundle alone.
        bundle: names the probabilities, knows the thresholds.
    """
    labels = F.array(*(F.lit(label) for label in bundle.labels))
    least = 0.0 if bundle.abstention is None else bundle.abstention.threshold
    usable = inferences.where(F.col("reason").isNull()).select(
        "cover_id",
        "run_id",
        F.col("inferred_at").alias("scored_at"),
        F.col("probabilities").cast("array<double>").alias("values"),
        F.col("classifier_probabilities").cast("array<double>").alias("classified"),
        *_advisory(bundle),
        "reasons",
        "concepts",
        "appearance",
    )
    best = F.array_max("values")
    return PREDICTIONS.conform(
        albums.join(usable, "cover_id").select(
            "album_id",
            F.lit(bundle.model_version).alias("model_version"),
            "cover_id",
            "genre",
            "release_year",
            F.element_at(labels, F.array_position("values", best).cast("int")).alias(
                "predicted_genre"
            ),
            F.map_from_arrays(labels, "values").alias("probabilities"),
            best.alias("confidence"),
            "run_id",
            "scored_at",
            (best < least).alias("abstained"),
            "advisory",
            "advisory_score",
            "advisory_box",
            F.map_from_arrays(labels, "classified").alias("classifier_probabilities"),
            "reasons",
            "concepts",
            "appearance",
        )
    )


def _advisory(bundle: Bundle) -> list[Column]:
    """Whether there is a label, its score, and where; NULL where no detector has looked."""
    detector = bundle.detector
    threshold = 1.0 if detector is None else detector.threshold
    score = F.col("advisory_score").cast("double")
    box = F.col("advisory_box").cast(PREDICTIONS.schema["advisory_box"].dataType)
    return [
        (score >= threshold).alias("advisory"),
        score.alias("advisory_score"),
        F.when(score >= threshold, box).alias("advisory_box"),
    ]
