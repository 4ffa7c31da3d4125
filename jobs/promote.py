"""Make a bundle the current one, which is used where none is named, if it is good enough.

python jobs/promote.py BUNDLE
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from covergenre import promotion
from covergenre.bundle import Bundle, open_bundle
from covergenre.config import Settings
from jobs.runtime import arguments, tracking


def promote(bundle: Bundle, settings: Settings) -> promotion.Decision:
    """Promote a bundle, if the settings allow it; MLflow is told, too."""
    decision = promotion.promote(bundle, Path(settings.train.bundles), settings.promotion)
    if decision.accepted:
        tracking.note_current(bundle, settings)
    return decision


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, decide, promote or refuse."""
    parser = arguments.parser(
        "promote", "Use a bundle where none is named, if it is good enough.", catalogue=False
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder of the bundle")
    args = parser.parse_args(argv)
    settings = arguments.settings(args)
    bundle = open_bundle(args.bundle)
    decision = promote(bundle, settings)
    result = {
        "model_version": bundle.model_version,
        "promoted": decision.accepted,
        "met": list(decision.met),
        "missed": list(decision.missed),
    }
    lines = {"bundle": bundle.path, **{str(n): line for n, line in enumerate(decision.met, 1)}}
    title = f"{bundle.model_version} is {'' if decision.accepted else 'not '}promoted"
    arguments.summarise(title, lines, result if args.json else None)
    decision.check()
    return result


if __name__ == "__main__":
    arguments.run(main)
