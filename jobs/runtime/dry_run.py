"""What a scoring run would do, found without writing anything."""

from __future__ import annotations

from pathlib import Path

from covergenre.bundle import Bundle
from covergenre.config import Settings
from jobs.runtime import catalogue, session, sink, sources
from jobs.runtime.maintenance.takedowns import veiled
from jobs.runtime.planning import Scope, left
from jobs.runtime.publishing import differences, outlined, own_inferences
from jobs.runtime.scoring import asked, predict
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, INFERENCES, PREDICTIONS

_SCORED = (COVERS, INFERENCES, PREDICTIONS)


def planned(
    covers: str | None,
    output: str | None,
    table: Path | None,
    bundle: Bundle,
    settings: Settings,
    scope: Scope,
) -> dict[str, int]:
    """Counts of what a run would do, on the catalogue as it is now.

    Args:
        covers, output, table: as of :func:`jobs.runtime.catalogue.opened`.
        bundle: that would be used.
        settings: of the run.
        scope: of the run.

    Returns:
        ``files_to_read`` (new and changed ones of the catalogue, whose covers would be scored,
        too), ``albums_to_remove``, ``covers_to_score`` (of those held already),
        ``predictions_to_update`` and ``predictions_to_remove``.

    Raises:
        CatalogueError, OutputError: as a run would.
    """
    source, location = catalogue.locate(covers, output, settings)
    listed = catalogue.look(source, table)
    warehouse = Warehouse(session.build("score"), location)
    counts = dict.fromkeys(
        ("files_to_read", "albums_to_remove", "covers_to_score", "predictions_to_update",
         "predictions_to_remove"), 0
    )  # fmt: skip
    held = warehouse.exists(ALBUMS)
    if source != warehouse.location:
        listing = (
            sources.from_folder(warehouse.spark, listed, settings)
            if listed is not None
            else sources.from_table(warehouse.spark, source, settings)
        )
        listing = veiled(warehouse, listing)
        counts["files_to_read"] = (sink.to_look_at(warehouse, listing) if held else listing).count()
        if held:
            gone = warehouse.read(ALBUMS).join(listing.select("album_id"), "album_id", "left_anti")
            counts["albums_to_remove"] = gone.count()
    if not held:
        return counts
    question = asked(bundle, settings)
    counts["covers_to_score"] = left(
        warehouse, bundle.model_version, question.digest, scope
    ).count()
    if all(warehouse.exists(table) for table in _SCORED):
        inferences = own_inferences(warehouse, bundle, question.digest)
        known = warehouse.read(ALBUMS).join(inferences.select("cover_id"), "cover_id", "left_semi")
        outline = outlined(predict(known, inferences, bundle))
        changes = differences(warehouse, outline, bundle.model_version)[1]
        counts.update(predictions_to_update=changes.updated, predictions_to_remove=changes.removed)
    return counts
