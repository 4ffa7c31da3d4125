"""Look at one cover: genre, label, concepts, colours, what moved that, and a picture of it.

python jobs/explain.py cover.jpg
python jobs/explain.py cover.jpg --picture why.png --json
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from covergenre import images
from covergenre.errors import CatalogueError, OutputError
from covergenre.plots.explained import explained
from covergenre.plots.style import save
from jobs.runtime import arguments
from jobs.runtime.explaining import Explanation, explain
from jobs.score import choose_bundle

_SHOWN = 6


def draw(explanation: Explanation, content: bytes, title: str, path: Path) -> None:
    """Write the picture, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    said = explanation.said
    appearance = said["appearance"]
    figure = explained(
        title,
        images.decode(content),
        dict(zip(explanation.labels, map(float, said["probabilities"]), strict=True)),
        explanation.heat,
        tuple(said["advisory_box"].values()) if explanation.advisory else None,
        said["reasons"] or [],
        [] if appearance is None else appearance["palette"],
    )
    part = path.with_name(f".{path.name}.part")
    try:
        save(figure, part)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"--picture {path} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _told(explanation: Explanation) -> dict[str, Any]:
    """For machines: what a row of predictions would say."""
    said = explanation.said
    labels = explanation.labels
    classified = map(float, said["classifier_probabilities"])
    return {
        "predicted_genre": explanation.genre,
        "abstained": explanation.abstained,
        "probabilities": dict(zip(labels, map(float, said["probabilities"]), strict=True)),
        "classifier_probabilities": dict(zip(labels, classified, strict=True)),
        "advisory": explanation.advisory,
        "advisory_score": said["advisory_score"],
        "advisory_box": said["advisory_box"] if explanation.advisory else None,
        "concepts": said["concepts"],
        "appearance": said["appearance"],
        "reasons": said["reasons"],
    }


def _lines(told: dict[str, Any]) -> dict[str, str]:
    """For people."""
    ranked = sorted(told["probabilities"].items(), key=lambda item: -item[1])
    unsure = ", too unsure to be relied on" if told["abstained"] else ""
    lines = {"looks like": f"{', '.join(f'{genre} {p:.2f}' for genre, p in ranked)}{unsure}"}
    if told["advisory"] is not None:
        found = "yes" if told["advisory"] else "no"
        lines["advisory label"] = f"{found}, score {told['advisory_score']:.3f}"
    if told["reasons"]:
        largest = sorted(told["reasons"], key=lambda reason: -abs(reason["contribution"]))
        lines["because of"] = ", ".join(
            f"{r['input']} {r['contribution']:+.2f}" for r in largest[:_SHOWN]
        )
    if told["concepts"] is not None:
        lines["on it"] = ", ".join(
            f"{c['name']} {c['score']:.2f}" for c in told["concepts"][:_SHOWN]
        )
    if told["appearance"] is not None:
        lines["colours"] = ", ".join(
            f"{c['name']} ({c['hex']}) {c['share']:.0%}" for c in told["appearance"]["palette"]
        )
    return lines


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, look, print and draw."""
    parser = arguments.parser("explain", "Look at one cover.", catalogue=False)
    parser.add_argument("file", type=Path, metavar="FILE", help="the cover's image")
    parser.add_argument(
        "--model", metavar="BUNDLE", help="default: the promoted one, or the project's"
    )
    parser.add_argument(
        "--picture", type=Path, metavar="PNG", help="default: beside where you stand, "
        "<name of the file>.explained.png",
    )  # fmt: skip
    args = parser.parse_args(argv)
    settings = arguments.settings(args)
    bundle, why = choose_bundle(args.model, settings)
    try:
        content = args.file.read_bytes()
    except OSError as error:
        raise CatalogueError(f"{args.file} cannot be read: {error.strerror}") from error
    print(f"model {bundle.model_version} from {bundle.path} ({why})")
    try:
        explanation = explain(content, bundle, settings)
    except CatalogueError as error:
        raise CatalogueError(f"{args.file} cannot be used: {error}") from error
    path = args.picture or Path(f"{args.file.stem}.explained.png")
    told = {"file": str(args.file), "model_version": bundle.model_version, **_told(explanation)}
    title = f"{args.file.name}: {explanation.genre} {max(told['probabilities'].values()):.2f}"
    draw(explanation, content, title, path)
    told["picture"] = str(path)
    lines = {**_lines(told), "picture": str(path)}
    arguments.summarise(str(args.file), lines, told if args.json else None)
    return told


if __name__ == "__main__":
    arguments.run(main)
