"""How good a classifier is, on covers it was not trained on."""

from covergenre.evaluation.bootstrap import (
    GENRE_METRICS,
    LOWER_IS_BETTER,
    METRICS,
    accuracy_by,
    compare,
    evaluate,
)
from covergenre.evaluation.selective import at_threshold, risk_coverage
from covergenre.evaluation.statistics import CALIBRATION_BINS, calibration_bin

__all__ = [
    "CALIBRATION_BINS",
    "GENRE_METRICS",
    "LOWER_IS_BETTER",
    "METRICS",
    "accuracy_by",
    "at_threshold",
    "calibration_bin",
    "compare",
    "evaluate",
    "risk_coverage",
]
