"""Ways to train a classifier, by the name that ``train.recipe`` gives them."""

from __future__ import annotations

from jobs.runtime.recipes import finetuned, frozen
from jobs.runtime.recipes.trained import Recipe, Trained

RECIPES: dict[str, Recipe] = {"frozen": frozen.train, "finetuned": finetuned.train}
"""Name to function."""

__all__ = ["RECIPES", "Recipe", "Trained"]
