"""From what contenders found out to a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

Result = dict[str, Any]
"""Of one run: ``contender``, ``model``, ``precision``, ``round``, and what
:func:`benchmarks.contenders.process.run` gives."""

_COLUMNS = {
    "images/s, steady": "{:.1f}",
    "of the roofline": "{:.2f}",
    "x {base}": "{:.2f}",
    "images/s, job": "{:.1f}",
    "core ms a cover, Python": "{:.2f}",
    "Java": "{:.2f}",
    "idle": "{:.2f}",
    "start-up s": "{:.1f}",
    "all s": "{:.1f}",
    "peak MiB": "{:.0f}",
    "Python worker MiB": "{:.0f}",
}


def label(result: Result) -> str:
    """What the table calls a contender, e.g. ``ours-bf16@default``."""
    precision = f"-{result['precision']}" if result["precision"] else ""
    return f"{result['contender']}{precision}@{result['model']}"


def steady(result: Result) -> float | None:
    """Images a second from the first to the last finished batch; of all for what has no batches."""
    if result.get("steady_seconds"):
        return float(result["steady_images"] / result["steady_seconds"])
    return result.get("images_per_second")


def roofline(results: Iterable[Result], of: Result, cores: int) -> float | None:
    """What the hardware allows a contender, in images a second.

    One over the CPU time a cover takes in the networks, each at its fastest batch, and in the
    decoder, over all cores; both measured in the same round. None if they were not.
    """
    same = [r for r in results if (r["round"], r["model"]) == (of["round"], of["model"])]
    engine = [r for r in same if r["contender"] == "engine" and r["precision"] == of["precision"]]
    decode = [r for r in same if r["contender"] == "decode"]
    if not engine or not decode:
        return None
    return float(1000 * cores / (sum(engine[0]["cpu_ms"].values()) + decode[0]["cpu_ms"]))


def table(results: Sequence[Result], base: str | None, cores: int) -> list[str]:
    """A Markdown table, a line a contender: median, and (minimum-maximum) over the rounds.

    ``core ms a cover`` is what became of the time of a core while the job was done: spent by
    Python, by Java, idle (or spent by others on this machine).

    Args:
        results: of all rounds; failed runs are counted, and in no figure.
        base: label that speeds are also compared with, within each round.
        cores: that all had.
    """
    good = [result for result in results if "error" not in result]
    heads = [head.format(base=base or "-") for head in _COLUMNS]
    lines = ["| " + " | ".join(["contender", *heads]) + " |", "|---" * (len(heads) + 1) + "|"]
    for name in dict.fromkeys(label(result) for result in results):
        own = [result for result in good if label(result) == name]
        failed = sum(label(result) == name for result in results) - len(own)
        cells = [
            _cell([row[i] for row in (_row(r, good, base, cores) for r in own)], shape)
            for i, shape in enumerate(_COLUMNS.values())
        ]
        named = f"{name} ({failed} failed)" if failed else name
        lines.append("| " + " | ".join([named, *cells]) + " |")
    return [*lines, "", *_rooflines(good, cores)]


def _row(result: Result, results: Sequence[Result], base: str | None, cores: int) -> list[Any]:
    """The figures of one run, in the order of the columns; None for what it has not."""
    rate, job = steady(result), result.get("job_seconds")
    bases = [r for r in results if label(r) == base and r["round"] == result["round"]]
    return [
        rate,
        _ratio(rate, roofline(results, result, cores)),
        _ratio(rate, steady(bases[0]) if bases else None),
        _ratio(result.get("images"), job),
        *(result.get("core_ms", {}).get(kind) for kind in ("other", "java", "idle")),
        result.get("startup_seconds"),
        result["seconds"],
        result["peak_mib"],
        result["python_peak_mib"] or None,
    ]


def _ratio(value: float | None, of: float | None) -> float | None:
    return value / of if value is not None and of else None


def _cell(values: Iterable[float | None], shape: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    middle, least, most = (shape.format(f(known)) for f in _statistics())
    return middle if least == most else f"{middle} ({least}-{most})"


def _statistics() -> tuple[Callable[[list[float]], float], ...]:
    return median, min, max


def _rooflines(results: Sequence[Result], cores: int) -> list[str]:
    """The rooflines themselves, and the batches that the networks were fastest at."""
    lines = []
    engines = [result for result in results if result["contender"] == "engine"]
    for name in dict.fromkeys(label(result) for result in engines):
        own = [result for result in engines if label(result) == name]
        limits = [roofline(results, result, cores) for result in own]
        batches = ", ".join(f"{key} {value}" for key, value in own[-1]["batches"].items())
        lines.append(f"roofline of {name}: {_cell(limits, '{:.1f}')} images/s; batches: {batches}")
    return lines
