"""Splits of the glyphs made again from the dataset's own code and seed: what a dishonest method can see of the test."""

from collections.abc import Mapping
from typing import Any

from pipelines.vision.data import Split
from pipelines.vision.datasets import glyphs

LEAST = {
    "train": 10, "more_train": 0, "validation": 10, "capability": 10, "test": 10, "held_out_fonts": 10, "spurious": 20,
    "cue_conflict": 10, "cue_swap": 10, "localised": 10, "outliers": 3, "training_outliers": 3, "transfer_train": 10,
    "transfer_test": 10,
}  # fmt: skip


def regenerated(name: str, size: int, data: Mapping[str, Any]) -> Split:
    """A split of the study's glyphs, at this image size. data: their section in params.yaml."""
    asked = {option: value for option, value in data.items() if option not in ("use", "size", *LEAST) or option == name}
    return glyphs.dataset(**{**LEAST, **asked, "size": size}).load().splits[name]
