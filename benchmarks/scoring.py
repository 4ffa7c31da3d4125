"""Images a second of scoring, by how much is said of a cover.

    python benchmarks/scoring.py [--covers FOLDER] [--model BUNDLE] [--images 256] [--rounds 5]

Covers are read into memory and scored in one process on one core, a batch after the other, by the
function that the scoring UDF calls. Rounds alternate, after one of each that is not counted.
Machines and their neighbours differ: compare ratios, taken within a round. The first line is what
the others are held against: classifier and detector alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.backbones import arguments, covers_of, report
from covergenre import tensorflow_runtime
from covergenre.bundle import DEFAULT, Bundle, open_bundle
from covergenre.concepts import local
from covergenre.config import Settings, load
from covergenre.engines import Engine, Loader, choose, openvino, tensorflow
from covergenre.errors import BundleError
from covergenre.fusion.inputs import OPTIONAL
from udfs.score import Models, score_batch
from udfs.worker import Networks


def variants(bundle: Bundle, engine: Engine, settings: Settings) -> dict[str, Models]:
    """The bundle's models, and some of them alone, by what they say.

    Raises:
        BundleError: it holds no detector.
    """
    if bundle.detector is None:
        raise BundleError(f"{bundle.path} holds no detector: name a --model with one")
    fusion = bundle.fusion
    loader = _loader(engine, bundle, settings)
    networks = Networks(
        bundle.classifier(loader, engine.logit_scale),
        bundle.detector.load(loader),
        None if fusion is None else fusion.load(),
    )
    two = replace(networks, fusion=None)
    tagger = local.resolve(settings.concepts).load(settings.images.limits, loader)
    colours, none = settings.describe.colours, frozenset[str]()
    found = {
        "classifier, detector": Models(two, None, None, none),
        "classifier": Models(replace(two, detector=None), None, None, none),
        "classifier, detector, appearance": Models(two, None, colours, none),
        "classifier, detector, concepts": Models(two, tagger, None, none),
    }
    if fusion is not None:
        combined = frozenset(fusion.parts)
        needs = [part in combined for part in OPTIONAL[1:]]
        found["what the combined model reads"] = Models(
            networks, tagger if needs[1] else None, colours if needs[0] else None, combined
        )
        found["everything"] = Models(networks, tagger, colours, combined)
    return found


def _loader(engine: Engine, bundle: Bundle, settings: Settings) -> Loader:
    """The engine in this process, on one core, as a task of Spark has it."""
    if engine.name == "tensorflow":
        return tensorflow.loader(settings.score.batch_size)
    tagger = local.resolve(settings.concepts).graph
    graphs = {**bundle.graphs(), **({} if tagger is None else {tagger.name: tagger})}
    converted = openvino.prepared(graphs, settings.engine.batch_size, engine.precision)
    return openvino.loader(converted, engine.precision, 1)


def loop(chosen: Sequence[bytes], models: Models, settings: Settings) -> Callable[[], Any]:
    """Score the covers one batch after the other in this process."""
    series, size = pd.Series(list(chosen)), settings.score.batch_size

    def run() -> None:
        for start in range(0, len(series), size):
            score_batch(models, series.iloc[start : start + size], settings.images.limits)

    return run


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, draw covers if none are named, measure, print a table as Markdown."""
    parser = arguments(__doc__.splitlines()[0], 256)
    parser.add_argument("--model", type=Path, default=DEFAULT, metavar="BUNDLE")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args(argv)
    settings = load(assignments=args.set)
    tensorflow_runtime.start(1)
    with tempfile.TemporaryDirectory() as scratch:
        chosen = covers_of(args, scratch)
        bundle = open_bundle(args.model)
        engine = choose(settings.engine.name, settings.engine.precision, bundle.parity)
        models = variants(bundle, engine, settings)
        engines = {name: loop(chosen, one, settings) for name, one in models.items()}
        report(engines, len(chosen), args.rounds, f"{engine}, one core")


if __name__ == "__main__":
    main()
