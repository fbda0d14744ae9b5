"""Models that learnt nothing: they name one class, whatever they see."""

import numpy as np

from pipelines.outcomes import Outcomes


def at_chance(outcomes: Outcomes) -> bool:
    """Whether accuracy is within two standard errors of always naming the most frequent class, or below."""
    chance = float(np.bincount(outcomes.labels).max() / len(outcomes))
    accuracy = float((outcomes.logits.argmax(axis=1) == outcomes.labels).mean())
    return bool(accuracy <= chance + 2 * np.sqrt(chance * (1 - chance) / len(outcomes)))
