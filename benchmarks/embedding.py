"""Images a second of embedding in Spark, against the same engine in one plain Python loop.

    python benchmarks/embedding.py [--covers FOLDER] [--backbone NAME] [--images 1024] [--rounds 5]

Same covers, same decoder, same TensorFlow function, same batches. The loop reads the covers from
memory, decodes a batch, then lets TensorFlow embed it on all cores. Spark reads them from a Delta
table and embeds them in the job's own UDF, one core a task: once thrown away (``udf``), once merged
into the table embeddings as jobs/train.py does (``job``). Rounds alternate, after one of each that
is not counted: workers keep their network. Machines and their neighbours differ: compare ratios.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from covergenre import backbones, images, tensorflow_runtime
from covergenre.backbones import Backbone
from covergenre.config import Settings, load
from jobs.runtime import session
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.embeddings import embed
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS, EMBEDDINGS
from scraping.procedural import generate_catalogue
from udfs.embed import make_embed


def loop(contents: Sequence[bytes], backbone: Backbone, settings: Settings) -> Callable[[], Any]:
    """Embed the covers one batch after the other in this process."""
    tensorflow_runtime.start()
    features, size = backbone.compiled(), backbone.preprocessing.size
    batch, limits = settings.train.embed_batch_size, settings.images.limits

    def run() -> None:
        for start in range(0, len(contents), batch):
            pixels = [images.load(c, size, limits) for c in contents[start : start + batch]]
            features(np.stack(pixels)).numpy()

    return run


def udf(warehouse: Warehouse, backbone: Backbone, settings: Settings) -> Callable[[], Any]:
    """Embed the covers in Spark and throw the features away."""
    cpus = session.task_cpus(warehouse.spark)
    limits = settings.images.limits
    function = make_embed(backbone, settings.train.embed_batch_size, cpus, limits, mirrored=False)
    covers = warehouse.read(COVERS).select("cover_id", function("content"))
    return lambda: covers.write.format("noop").mode("overwrite").save()


def job(warehouse: Warehouse, backbone: Backbone, settings: Settings) -> Callable[[], Any]:
    """Embed the covers as training does, into a table that is new each time."""

    def run() -> None:
        shutil.rmtree(warehouse.path(EMBEDDINGS.name), ignore_errors=True)
        embed(warehouse, warehouse.read(COVERS), backbone, settings)

    return run


def measure(
    engines: dict[str, Callable[[], Any]], count: int, rounds: int
) -> dict[str, list[float]]:
    """Images a second of each engine in each round."""
    rates: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(rounds + 1):
        for name, run in engines.items():
            start = time.perf_counter()
            run()
            if number > 0:
                rates[name].append(count / (time.perf_counter() - start))
    return rates


def summary(rates: dict[str, list[float]], base: str) -> list[str]:
    """A Markdown table; ratios to the base are taken within a round."""
    lines = [
        f"| engine | images/s: median | min | max | ratio to {base}: median | min | max |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, values in rates.items():
        ratios = np.divide(values, rates[base])
        cells = [f"{f(values):.1f}" for f in (np.median, np.min, np.max)]
        cells += [f"{f(ratios):.2f}" for f in (np.median, np.min, np.max)]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return lines


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, draw covers if none are named, measure, print a table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--covers", help="folder of images; default: drawn ones")
    parser.add_argument("--backbone", default="efficientnet_lite2")
    parser.add_argument("--images", type=int, default=1024, help="how many of them at most")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args(argv)
    settings = load(assignments=["train.mirrored=false"])
    spark = session.build("embedding benchmark")
    with tempfile.TemporaryDirectory() as scratch:
        covers = args.covers or f"{scratch}/covers"
        if args.covers is None:
            generate_catalogue(Path(covers), albums=args.images, broken=0)
        whole = Warehouse(spark, f"{scratch}/whole")
        ingest(whole, covers, look(covers), settings)
        warehouse = Warehouse(spark, f"{scratch}/chosen")
        warehouse.create(COVERS)
        # Several tasks a core, as a larger catalogue would have.
        chosen = whole.read(COVERS).orderBy("cover_id").limit(args.images)
        parts = spark.sparkContext.defaultParallelism
        warehouse.append(COVERS, chosen.repartition(4 * parts, "cover_id"))
        contents = [bytes(row["content"]) for row in warehouse.read(COVERS).collect()]
        backbone = backbones.resolve(args.backbone).saved(Path(scratch))
        engines = {
            "loop": loop(contents, backbone, settings),
            "udf": udf(warehouse, backbone, settings),
            "job": job(warehouse, backbone, settings),
        }
        rates = measure(engines, len(contents), args.rounds)
    about = {
        "processor": session.processor(),
        "cores": spark.sparkContext.defaultParallelism,
        "backbone": backbone.name,
        "size": backbone.preprocessing.size,
        "images": len(contents),
        "rounds": args.rounds,
    }
    print(json.dumps(about), *summary(rates, "loop"), sep="\n")


if __name__ == "__main__":
    main()
