"""What a bundle says of covers, and the rows of predictions that come of it."""

from __future__ import annotations

import datetime
import sys

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from covergenre.appearance import version
from covergenre.bundle import Bundle
from covergenre.concepts import local
from covergenre.concepts.local import LocalModel
from covergenre.config import Settings
from covergenre.engines import Engine, choose
from covergenre.fusion.inputs import ADVISORY, APPEARANCE, CONCEPTS
from jobs.runtime import session
from schemas import PREDICTIONS
from udfs.concepts import ShippedTagger
from udfs.score import Describing, make_score
from udfs.worker import ShippedBundle


def infer(covers: DataFrame, bundle: Bundle, settings: Settings) -> DataFrame:
    """Show covers to a bundle's models in one pass over their bytes.

    Args:
        covers: ``cover_id``, ``content``.
        bundle: verified; shipped to the executors.
        settings: of scoring, engine, concepts, describe and images.

    Returns:
        ``cover_id`` and the columns of :data:`udfs.score.SCORED`.

    Raises:
        TaggerError: a file of the user's tagger is missing, or is none of the kinds that are read.
    """
    spark = covers.sparkSession
    chosen = engine(bundle, settings)
    shipped = ShippedBundle.of(bundle, chosen, settings, spark)
    udf = make_score(
        shipped, settings.score.batch_size, session.task_cpus(spark), settings.images.limits,
        describing(bundle, chosen, settings, spark),
    )  # fmt: skip
    return covers.select("cover_id", udf("content").alias("said")).select("cover_id", "said.*")


def describing(
    bundle: Bundle, engine: Engine, settings: Settings, spark: SparkSession
) -> Describing:
    """What is said of covers beside genre and label: what ``score.describe`` asks for.

    The bundle's combined model reads of it what it has learnt from. Where the settings mean another
    tagger, or other measures, it does without them, and a warning says so.
    """
    fusion, asked = bundle.fusion, settings.score.describe
    tagger = _tagger(settings) if "concepts" in asked else None
    colours = settings.describe.colours if "appearance" in asked else None
    combined = set()
    if fusion is not None:
        said = {
            ADVISORY: (True, True),
            CONCEPTS: (fusion.tagger, tagger and tagger.name),
            APPEARANCE: (fusion.appearance, None if colours is None else version(colours)),
        }
        combined = {part for part in fusion.parts if said[part][0] == said[part][1]}
        for part in sorted({*fusion.parts} & {*asked} - combined):
            print(
                f"warning: the bundle's combined model does without {part}: it has learnt from "
                f"{said[part][0]}, the settings mean {said[part][1]}",
                file=sys.stderr,
            )
    return Describing(
        None if tagger is None else ShippedTagger.of(tagger, engine, settings, spark),
        colours,
        frozenset(combined),
    )


def engine(bundle: Bundle, settings: Settings) -> Engine:
    """What computes a bundle's networks."""
    return choose(settings.engine.name, settings.engine.precision, bundle.parity)


def _tagger(settings: Settings) -> LocalModel | None:
    """The tagger, unless it is a service: such are not asked inside the one pass."""
    return local.resolve(settings.concepts) if settings.concepts.tagger_is_local else None


def predict(
    albums: DataFrame,
    inferred: DataFrame,
    bundle: Bundle,
    run_id: str,
    now: datetime.datetime,
) -> DataFrame:
    """The rows of predictions: every album whose cover the networks have seen.

    Args:
        albums: the table albums.
        inferred: as :func:`infer` gives it.
        bundle: names the probabilities, knows the thresholds.
        run_id, now: written to each row.
    """
    labels = F.array(*(F.lit(label) for label in bundle.labels))
    least = 0.0 if bundle.abstention is None else bundle.abstention.threshold
    usable = inferred.where(F.col("reason").isNull()).select(
        "cover_id",
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
            F.lit(run_id).alias("run_id"),
            F.lit(now).alias("scored_at"),
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
