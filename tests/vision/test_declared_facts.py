"""What every part declares of itself, by listing the folders: default options within their ranges, splits."""

from dataclasses import replace
from typing import get_type_hints

import numpy as np
import pytest

from pipelines import parts
from pipelines.vision.condition import Condition
from pipelines.vision.data import Dataset

PACKAGES = [f"pipelines.vision.{kind}" for kind in ("conditions", "datasets", "methods", "models")]
REQUIRED: dict[str, dict[str, str]] = {"outliers": {"kind": "near"}}


@pytest.mark.parametrize(
    ("package", "name"),
    [(package, name) for package in (*PACKAGES, "pipelines.metrics") for name in parts.names(package)],
)
def test_default_options_are_of_their_type_and_within_their_range(package: str, name: str) -> None:
    make = parts.factory(package, name)
    hints = get_type_hints(make, include_extras=True)
    assert [option for option, value in parts.defaults(make).items() if not parts.accepts(hints[option], value)] == []


@pytest.mark.parametrize("name", parts.names("pipelines.vision.conditions"))
def test_a_condition_takes_no_other_splits_than_it_declares(name: str, glyphs: Dataset) -> None:
    condition: Condition = parts.load("pipelines.vision.conditions", name, REQUIRED.get(name, {}))
    declared = replace(glyphs, splits={split: glyphs.splits[split] for split in condition.splits})
    examples = condition.examples(declared, np.random.default_rng(0))
    assert len(examples.split)
    of_all = condition.examples(glyphs, np.random.default_rng(0))
    assert np.array_equal(examples.split.images, of_all.split.images)
    for split in condition.splits:  # and each of them is needed
        without = replace(
            declared, splits={other: declared.splits[other] for other in condition.splits if other != split}
        )
        with pytest.raises(KeyError, match=f"^'{split}'$"):
            condition.examples(without, np.random.default_rng(0))
