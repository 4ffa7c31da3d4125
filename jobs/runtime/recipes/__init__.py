"""Ways to train a classifier, by the name that ``train.recipe`` gives them."""

from __future__ import annotations

from jobs.runtime.recipes import distilled, finetuned, frozen
from jobs.runtime.recipes.trained import Recipe, Trained

RECIPES: dict[str, Recipe] = {
    "frozen": frozen.train,
    "finetuned": finetuned.train,
    "distilled": distilled.train,
}
"""Name to function."""

__all__ = ["RECIPES", "Recipe", "Trained"]
