"""What stands in training documents and must not: then a test would say nothing."""

from pipelines.data import LEARNT, DataError
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
    asked = [document.tobytes() for document in dataset.splits["context"].documents]
    lines = []
    for name in LEARNT:
        known = {document.tobytes() for document in dataset.splits[name].documents} if name in dataset.splits else set()
        if shared := sum(document in known for document in asked):
            lines.append(f"{dataset.name}: {shared} of the {len(asked)} documents of context are in {name}, too")
    return lines
