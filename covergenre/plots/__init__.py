"""Pictures of evaluations and analyses. Every function draws one figure, of two genres or of
thirty; but :func:`label_detected` draws on a cover.

Nothing here keeps state or needs a display: figures are plain ``matplotlib.figure.Figure``.
"""

from covergenre.plots.calibration import reliability, risk_and_coverage
from covergenre.plots.concepts import concept_lifts, concept_shares
from covergenre.plots.confusion import confusion
from covergenre.plots.detection import precision_recall, recall_by_width
from covergenre.plots.errors import Mistake, contact_sheet
from covergenre.plots.label import label_detected
from covergenre.plots.learning import learning_curves
from covergenre.plots.palettes import measures, palette_stripes
from covergenre.plots.roc import roc_curves
from covergenre.plots.style import save
from covergenre.plots.trends import changes
from covergenre.plots.years import accuracy_by_year

__all__ = [
    "Mistake",
    "accuracy_by_year",
    "changes",
    "concept_lifts",
    "concept_shares",
    "confusion",
    "contact_sheet",
    "label_detected",
    "learning_curves",
    "measures",
    "palette_stripes",
    "precision_recall",
    "recall_by_width",
    "reliability",
    "risk_and_coverage",
    "roc_curves",
    "save",
]
