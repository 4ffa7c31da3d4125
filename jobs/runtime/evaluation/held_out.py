"""The covers that a bundle is judged on, and whether it has really not seen them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.errors import BundleError, CatalogueError
from jobs.runtime import logs
from jobs.runtime.progress import shown
from jobs.runtime.scoring import infer
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, SPLITS
from udfs.colour import make_colour

# Which fold a cover is in depends on these; on splits.validation_fold it does not.
_DECIDES_FOLDS = ("salt", "folds", "test_fold", "hash_radius", "min_correlation")
_LEARNT_FROM = ("validation.parquet", "out_of_fold.parquet")


def held_out(warehouse: Warehouse, settings: Settings, fold: int | None = None) -> DataFrame:
    """The representative covers of the test fold, or of another one.

    Returns:
        ``cover_id``, ``genre`` (NULL where its albums do not agree or do not say) and
        ``release_year``: the earliest year known of the albums that carry the cover, as later
        ones are reissues.
    """
    years = warehouse.read(ALBUMS).groupBy("cover_id").agg(F.min("release_year"))
    wanted = settings.splits.test_fold if fold is None else fold
    chosen = representatives(warehouse).where(F.col("fold") == wanted)
    return chosen.join(years.toDF("cover_id", "release_year"), "cover_id", "left").select(
        "cover_id", "genre", "release_year"
    )


def scored(
    warehouse: Warehouse, covers: DataFrame, bundle: Bundle, settings: Settings
) -> pd.DataFrame:
    """What a bundle says of covers, by the very UDF that scores catalogues.

    Args:
        warehouse: holds their bytes.
        covers: ``cover_id`` and whatever else is known of them; as many as fit into memory.
        bundle: verified.
        settings: of scoring and images.

    Returns:
        One row a cover in the order of ``cover_id``: the columns of ``covers``; ``p_<label>`` and
        ``c_<label>`` float32, of all that is known and of the classifier alone;
        ``advisory_score``, ``appearance`` and ``concepts`` as far as the bundle looks at them;
        ``reason``, NULL or why the cover could not be used.

    Raises:
        CatalogueError: there are no covers.
    """
    known = covers.toPandas()
    if known.empty:
        raise CatalogueError(
            f"{warehouse.location} has no covers in fold {settings.splits.test_fold}: there is "
            "nothing to judge a bundle on; it needs a larger catalogue"
        )
    contents = _contents(warehouse, covers.select("cover_id"))
    # What is said of covers beside is not judged, unless the combined model reads it.
    read = () if bundle.fusion is None else bundle.fusion.parts
    describe = [part for part in settings.score.describe if part in read]
    needed = settings.model_copy(
        update={"score": settings.score.model_copy(update={"describe": describe})}
    )
    with shown(warehouse.spark, f"scoring with {bundle.name}", len(known)):
        said = infer(contents, bundle, needed).toPandas()
    nothing = np.full(len(bundle.labels), np.nan, np.float32)
    named: dict[str, npt.NDArray[np.float32]] = {}
    for letter, column in (("p", "probabilities"), ("c", "classifier_probabilities")):
        values = np.stack([nothing if p is None else np.asarray(p) for p in said[column]])
        named |= {f"{letter}_{label}": values[:, k] for k, label in enumerate(bundle.labels)}
    beside = ["cover_id", "advisory_score", "appearance", "concepts", "reason"]
    frame = said[beside].assign(**named)
    return known.merge(frame, on="cover_id").sort_values("cover_id", ignore_index=True)


@dataclass(frozen=True)
class Colours:
    """Colour features of covers.

    Attributes:
        learnt: float32 (n, k), of covers of the training folds.
        genres: of these.
        judged: float32 (m, k), of the covers asked for, in their order.
    """

    learnt: npt.NDArray[np.float32]
    genres: list[str]
    judged: npt.NDArray[np.float32]


def colours(
    warehouse: Warehouse, judged: Collection[str], labels: list[str], settings: Settings
) -> Colours:
    """Colour features of the training folds' covers, as far as wanted, and of those judged.

    Args:
        warehouse: with splits.
        judged: cover ids.
        labels: genres to learn.
        settings: ``evaluate.colour_covers``, folds and image limits.
    """
    spark = warehouse.spark
    # cover_id is a hash: the smallest are a random sample, the same in every run.
    learnt = learnable(warehouse, labels, settings).orderBy("cover_id")
    wanted = learnt.limit(settings.evaluate.colour_covers).unionByName(
        spark.createDataFrame([(c, None) for c in judged], "cover_id string, genre string")
    )
    features = make_colour(settings.images.limits)("content").alias("features")
    contents = _contents(warehouse, wanted)
    with shown(spark, "colours"):
        frame = contents.select("cover_id", "genre", features).orderBy("cover_id").toPandas()
    known = frame[frame["genre"].notna()]
    asked = frame[frame["genre"].isna()].set_index("cover_id").loc[list(judged)]
    return Colours(
        np.stack(known["features"].to_list()),
        known["genre"].to_list(),
        np.stack(asked["features"].to_list()),
    )


def learnable(warehouse: Warehouse, labels: list[str], settings: Settings) -> DataFrame:
    """``cover_id`` and ``genre`` of the covers of all other folds whose genre a model knows."""
    chosen = representatives(warehouse).where(F.col("fold") != settings.splits.test_fold)
    return chosen.where(F.col("genre").isin(labels)).select("cover_id", "genre")


def check_splits(bundle: Bundle, settings: Settings) -> str | None:
    """Whether the bundle left out of its training the fold that it is to be judged on.

    Returns:
        None if so; else what is not known.

    Raises:
        BundleError: it was trained with other folds; says the settings that mend it.
    """
    return check_trained_with(bundle, bundle.manifest.get("training", {}).get("splits"), settings)


def check_trained_with(
    bundle: Bundle, trained: Mapping[str, Any] | None, settings: Settings
) -> str | None:
    """:func:`check_splits` of a part of a bundle that was trained with these settings of splits."""
    if not trained:
        return (
            f"{bundle.model_version} does not say which covers it was trained on: it may have "
            "seen those that it is judged on"
        )
    ours = settings.splits.model_dump()
    other = [k for k in _DECIDES_FOLDS if k in trained and trained[k] != ours[k]]
    if other:
        fix = " ".join(f"--set splits.{key}={trained[key]}" for key in other)
        raise BundleError(
            f"bundle {bundle.path} was trained with another {', '.join(other)} of splits, so it "
            f"may have learnt the covers it would be judged on: run with {fix}"
        )
    return None


def check_covers(bundle: Bundle, cover_ids: Collection[str]) -> str | None:
    """Whether the bundle's own lists say that it has not seen these covers.

    Returns:
        None if its list of covers held out names them all, or has none of them; else a remark.

    Raises:
        BundleError: it learnt from some of them.
    """
    asked = set(cover_ids)
    for name in _LEARNT_FROM:
        seen = asked & _listed(bundle, name)
        if seen:
            raise BundleError(
                f"bundle {bundle.path} was trained on {len(seen)} of the {len(asked)} covers it "
                f"would be judged on ({name} names them): evaluate it with the splits it was "
                "trained with"
            )
    held = asked & _listed(bundle, "held_out.parquet")
    if held and len(held) < len(asked):
        return (
            f"{len(asked) - len(held)} of {len(asked)} covers are not among those that "
            f"{bundle.model_version} says it held out: new covers, or other splits than it was "
            "trained with"
        )
    return None


def listed_as_held_out(bundle: Bundle, cover_ids: Collection[str]) -> int:
    """How many of the covers the bundle itself lists as held out from its training."""
    return len(set(cover_ids) & _listed(bundle, "held_out.parquet"))


def parity(bundle: Bundle, said: pd.DataFrame) -> dict[str, float | int | None]:
    """How far the classifier's probabilities lie from those it was judged by when it was trained.

    Args:
        bundle: with or without ``held_out.parquet``.
        said: as :func:`scored` gives it.

    Returns:
        ``covers`` in both, and ``max_difference``, the largest of any probability; None without.
    """
    path = bundle.path / "held_out.parquet"
    if not path.is_file():
        return {"covers": 0, "max_difference": None}
    columns = [f"c_{label}" for label in bundle.labels]
    before = pd.read_parquet(path).drop(columns="genre").set_index("cover_id")
    both = said.dropna(subset=columns).merge(
        before.rename(columns=lambda name: f"{name} then"), on="cover_id"
    )
    if both.empty:
        return {"covers": 0, "max_difference": None}
    then = both[[f"p_{label} then" for label in bundle.labels]].to_numpy(np.float64)
    difference = np.abs(both[columns].to_numpy(np.float64) - then)
    return {"covers": len(both), "max_difference": float(difference.max())}


def warn(remark: str | None) -> list[str]:
    """Print a remark where there is one, and keep it for the report."""
    if remark is None:
        return []
    logs.warn(remark)
    return [remark]


def contents_of(warehouse: Warehouse, cover_ids: list[str]) -> dict[str, bytes]:
    """The bytes of a few covers."""
    chosen = warehouse.of_covers(COVERS, cover_ids).select("cover_id", "content")
    return {row["cover_id"]: bytes(row["content"]) for row in chosen.collect()}


def representatives(warehouse: Warehouse) -> DataFrame:
    """The rows of splits of one cover of each group of near-duplicates."""
    return warehouse.read(SPLITS).where("representative")


def _contents(warehouse: Warehouse, wanted: DataFrame) -> DataFrame:
    covers = warehouse.read(COVERS).select("cover_id", "content")
    return covers.join(F.broadcast(wanted), "cover_id")


def _listed(bundle: Bundle, name: str) -> set[str]:
    path = bundle.path / name
    return set(pd.read_parquet(path, columns=["cover_id"])["cover_id"]) if path.is_file() else set()
