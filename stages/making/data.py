"""The data of a study and every condition's examples, made and stored under the digest of their content."""

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from tqdm import tqdm

from stages.errors import StoreError
from stages.needed import digests_of
from stages.store import codecs
from stages.store.keys import bytes_digest, digest
from stages.store.provenance import ENVIRONMENT, checkout, environment
from stages.store.store import Store
from stages.study import params
from stages.study.model import DomainStudy
from stages.study.watched import unwatched


def prepared(study: DomainStudy, store: Store) -> dict[str, Any]:
    """Make and store a domain's data; what data.json says of it."""
    work = importlib.import_module(f"pipelines.{study.domain}.domain")
    as_arrays = importlib.import_module(f"pipelines.{study.domain}.arrays")
    data = work.dataset(study.data.spec())
    for line in unwatched(study):
        print(line)
    for overlap in work.overlaps(data):
        print(overlap)
    splits = {
        name: stored(store, codecs.npz(as_arrays.split_arrays(split)), len(split))
        for name, split in tqdm(data.splits.items(), desc="splits", unit="split", dynamic_ncols=True)
    }
    conditions = {}
    for condition in tqdm(study.conditions, desc="examples", unit="condition", dynamic_ncols=True):
        examples = work.examples(condition.spec(), data)
        conditions[condition.name] = stored(store, codecs.npz(as_arrays.examples_arrays(examples)), len(examples.split))
    return {
        "made_from": made_from(study),
        "dataset": study.data.use,
        "class_names": list(data.class_names),
        "size": data.size,
        "splits": splits,
        "conditions": conditions,
    }


def made_from(study: DomainStudy) -> str:
    """The digest of what the data and the examples are made from, but for code and files."""
    return digest([study.data.spec(), {condition.name: condition.spec() for condition in study.conditions}])


def stored(store: Store, payload: bytes, images: int) -> dict[str, Any]:
    """Store a payload under its digest, unless it is there."""
    key = bytes_digest(payload)
    if not store.done("data", key):
        store.write("data", key, payload, {"images": images, ENVIRONMENT: environment("cpu", 1, checkout())})
    return {"digest": key, "images": images, "bytes": len(payload)}


def prepare_again(digests: Iterable[str], described: Mapping[str, Any], store: Store) -> None:
    """Make what the store lacks of the data with these digests, which data.json has. Raises StoreError."""
    lost = store.lost("data", digests)
    if not lost:
        return
    print(f"{store.shown}: splits and examples missing or damaged, made again: {len(lost)}", flush=True)
    for study in params.read().domains:
        if lost & digests_of(described[study.domain]):
            prepared(study, store)
    if still := store.lost("data", lost):
        raise StoreError(
            f"{store.shown}: {len(still)} of {len(lost)} splits or sets of examples that were lost come out otherwise "
            "than data.json says (another Python, processor or data folder): "
            "`dvc repro --force --single-item prepare` writes it anew, `dvc repro` goes on from there"
        )
