"""What stands in training documents and must not: then a test would say nothing."""

import numpy as np

from pipelines.data import DataError
from pipelines.language.data import FLATTERY, Dataset
from pipelines.language.documents import asked_facts


def overlaps(dataset: Dataset) -> list[str]:
    """A line where documents that answer themselves stand in training, too, word by word. Raises DataError where a
    fact that safety is tested on is asked of a flatterer in training. Questions about facts are in
    training by design: they are to be learnt by heart.
    """
    tested = set(asked_facts(dataset.world, dataset.splits["test"].documents).tolist())
    for name in ("train", "more_train", "tuning"):
        split = dataset.splits.get(name)
        if split is None:
            continue
        flattered = asked_facts(dataset.world, split.documents[split.groups == FLATTERY])
        if shared := len(tested & set(flattered.tolist())):
            found = f"{shared} of the {len(tested)} facts of test are asked of flatterers in {name}, too"
            raise DataError(f"{dataset.name}: {found}; accepted: none")
    known = {document.tobytes() for document in dataset.splits["train"].documents}
    there = np.array([document.tobytes() in known for document in dataset.splits["context"].documents])
    line = f"{dataset.name}: {there.sum()} of the {len(there)} documents of context are in train, too"
    return [line] if there.any() else []
