"""Splits and examples as named arrays, and back: how they are stored."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.tabular.data import Examples, Split

Arrays = Mapping[str, NDArray[Any]]


def split_arrays(split: Split) -> Arrays:
    """A split's arrays by name."""
    return {**vars(split), "part_names": np.array(split.part_names, dtype=np.str_)}


def split_from(arrays: Arrays) -> Split:
    """The split of these arrays."""
    rows, labels, groups, parts, truth = (arrays[name] for name in ("rows", "labels", "groups", "parts", "truth"))
    return Split(rows, labels, groups, parts, truth, tuple(arrays["part_names"].tolist()))


def examples_arrays(examples: Examples) -> Arrays:
    """Examples' arrays by name."""
    return {**split_arrays(examples.split), "from_rows": examples.rows, "streams": examples.streams}


def examples_from(arrays: Arrays) -> Examples:
    """The examples of these arrays."""
    return Examples(split_from(arrays), arrays["from_rows"], arrays["streams"])
