"""A combined model beside what it would be with less: what each part is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.evaluation.statistics import Probabilities
from jobs.runtime.evaluation.judgement import Judged
from jobs.runtime.fusing import known

# The rule is no more certain than labels are: some albums of other genres carry one.
_CERTAIN = 0.95


def with_less(
    said: pd.DataFrame, judged: Judged, bundle: Bundle, settings: Settings
) -> dict[str, Probabilities]:
    """What the bundle would say of the covers judged, by how much it would know.

    Args:
        said: as :func:`held_out.scored` gives it.
        judged: covers of it.
        bundle: that said it.
        settings: ``detector.labelled_genres``.

    Returns:
        (n, classes) by name, nothing for a bundle without a combined model: of the classifier
        alone, of each part left out in turn, and of the study's own rule: a cover with the label is
        of the genre that carries it.
    """
    if bundle.fusion is None:
        return {}
    rows = said.set_index("cover_id").loc[judged.cover_ids]
    alone = rows[[f"c_{label}" for label in judged.labels]].to_numpy(np.float64)
    fusion = bundle.fusion.load()
    inputs = fusion.read(known(rows))
    found = {"classifier alone": alone}
    if len(fusion.parts) > 1:
        for part in fusion.parts:
            less = {other: values for other, values in inputs.items() if other != part}
            found[f"without {part}"] = fusion.combine(alone, less).probabilities.astype(np.float64)
    genres = {settings.catalogue.genre(name) for name in settings.detector.labelled_genres}
    rule = [k for k, label in enumerate(judged.labels) if label in genres]
    if bundle.detector is not None and len(rule) == 1:
        labelled = (rows["advisory_score"] >= bundle.detector.threshold).to_numpy()
        certain = np.full(len(judged.labels), (1 - _CERTAIN) / (len(judged.labels) - 1))
        certain[rule] = _CERTAIN
        name = f"label means {judged.labels[rule[0]]}"
        found[name] = np.where(labelled[:, None], certain, alone)
    return found
