"""Splits and examples as named arrays, and back: how they are stored."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.games.data import Examples, Split

Arrays = Mapping[str, NDArray[Any]]


def split_arrays(split: Split) -> Arrays:
    """A split's arrays by name."""
    return {
        **vars(split),
        "kind_names": np.array(split.kind_names, dtype=np.str_),
        "discount": np.array(split.discount),
    }


def split_from(arrays: Arrays) -> Split:
    """The split of these arrays."""
    names = tuple(arrays["kind_names"].tolist())
    return Split(arrays["payoffs"], arrays["kinds"], names, float(arrays["discount"]))


def examples_arrays(examples: Examples) -> Arrays:
    """Examples' arrays by name."""
    return {**split_arrays(examples.split), "rows": examples.rows, "opponents": examples.opponents}


def examples_from(arrays: Arrays) -> Examples:
    """The examples of these arrays."""
    return Examples(split_from(arrays), arrays["rows"], arrays["opponents"])
