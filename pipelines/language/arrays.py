"""Splits and examples as named arrays, and back: how they are stored."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.language.data import Examples, Split
from pipelines.language.vocabulary import Vocabulary

Arrays = Mapping[str, NDArray[Any]]


def split_arrays(split: Split) -> Arrays:
    """A split's arrays by name."""
    return dict(vars(split))


def split_from(arrays: Arrays) -> Split:
    """The split of these arrays."""
    return Split(**{name: arrays[name] for name in Split.__dataclass_fields__})


def examples_arrays(examples: Examples) -> Arrays:
    """Examples' arrays by name; the sizes of the vocabulary are one of them."""
    sizes = np.array([*vars(examples.vocabulary).values()])
    return {**split_arrays(examples.split), "rows": examples.rows, "vocabulary": sizes}


def examples_from(arrays: Arrays) -> Examples:
    """The examples of these arrays."""
    return Examples(split_from(arrays), arrays["rows"], Vocabulary(*arrays["vocabulary"].tolist()))
