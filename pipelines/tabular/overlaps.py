"""Rows that stand in two splits where they must not: what was trained on says nothing when it is tested on."""

from itertools import combinations

from pipelines.data import DataError
from pipelines.tabular.data import Dataset


def overlaps(dataset: Dataset) -> list[str]:
    """No line: raises DataError where two splits share a row, bit by bit."""
    contents = {name: {row.tobytes() for row in split.rows} for name, split in dataset.splits.items()}
    for one, other in combinations(contents, 2):
        if shared := len(contents[one] & contents[other]):
            raise DataError(f"{dataset.name}: {shared} of the rows of {one} are in {other}, too; accepted: none")
    return []
