"""Model bundles: a folder with everything scoring needs, every file known by its digest.

manifest.json      what the model is: labels, backbone, preprocessing, training, figures
head.safetensors   the Dense layers
backbone.keras     the backbone, unless it comes with a dependency
changes.safetensors  what fine-tuning changed in it, rounded
held_out.parquet   probabilities on the covers held out: cover_id, genre, p_<label>
validation.parquet the same on the validation fold, by a network that had not seen it
out_of_fold.parquet  the same on the covers trained on, each by a network that had not seen it
MODEL_CARD.md      for people
detector.safetensors  with a detector of our own: its weights
detector/          with an exported one: its SavedModel
DETECTOR_CARD.md   with either: for people
fusion.safetensors  with a combined model: its opinions; weights are in the manifest
SHA256SUMS         digest of each file above, as `sha256sum -c` reads it
"""

from covergenre.bundle.reading import DEFAULT, FORMAT, SUMS, Bundle, open_bundle
from covergenre.bundle.writing import Part, unpack, with_part, write_bundle

__all__ = [
    "DEFAULT", "FORMAT", "SUMS", "Bundle", "Part", "open_bundle", "unpack", "with_part",
    "write_bundle",
]  # fmt: skip
