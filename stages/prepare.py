"""Stage `prepare`: the data, and every condition's examples, made once and stored under the digest of their content."""

import importlib
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stages import params, payloads, tables
from stages.identity import bytes_digest, digest
from stages.provenance import ENVIRONMENT, checkout, environment
from stages.store import Store
from stages.study import DomainStudy
from stages.watched import unwatched

DATA = Path("data.json")


def main() -> None:
    """Write data.json: the digests and sizes of all splits and examples."""
    store = Store.from_environment()
    tables.write_json({study.domain: prepared(study, store) for study in params.read().domains}, DATA)


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
        name: stored(store, payloads.npz(as_arrays.split_arrays(split)), len(split))
        for name, split in tqdm(data.splits.items(), desc="splits", unit="split", dynamic_ncols=True)
    }
    conditions = {}
    for condition in tqdm(study.conditions, desc="examples", unit="condition", dynamic_ncols=True):
        examples = work.examples(condition.spec(), data)
        conditions[condition.name] = stored(
            store, payloads.npz(as_arrays.examples_arrays(examples)), len(examples.split)
        )
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
