"""The data of a study and every condition's examples, made and stored under the digest of their content."""

from collections.abc import Iterable, Mapping
from contextlib import chdir
from typing import Any

from tqdm import tqdm

from stages import artifacts, domains
from stages.errors import StoreError
from stages.home import data_home
from stages.needed import digests_of, made_from
from stages.store import codecs
from stages.store.keys import bytes_digest
from stages.store.provenance import ENVIRONMENT, checkout, environment
from stages.store.store import Store
from stages.study.watched import unwatched


def prepared(planned: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Make and store a task's data, `{domain, data, conditions}` as planned; what data.json says of it."""
    domain, stored_as = domains.domain(planned["domain"]), domains.arrays(planned["domain"])
    with chdir(data_home(domain.files(planned["data"]))):
        shape, data = domain.shape(planned["data"]), domain.dataset(planned["data"])
    for line in (*unwatched(planned["domain"], planned["data"]), *domain.overlaps(data)):
        print(line)
    splits = {
        name: stored(store, codecs.npz(stored_as.split_arrays(split)), len(split))
        for name, split in tqdm(data.splits.items(), desc="splits", unit="split", dynamic_ncols=True)
    }
    conditions = {}
    for name, spec in tqdm(planned["conditions"].items(), desc="examples", unit="condition", dynamic_ncols=True):
        examples = domain.examples(spec, data)
        conditions[name] = stored(store, codecs.npz(stored_as.examples_arrays(examples)), len(examples))
    return {
        "made_from": made_from(planned, shape.about),
        "about": domain.describe(data),
        "splits": splits,
        "conditions": conditions,
    }


def stored(store: Store, payload: bytes, rows: int) -> dict[str, Any]:
    """Store a payload under its digest, unless it is there."""
    key = bytes_digest(payload)
    if not store.done("data", key):
        store.write("data", key, payload, {"rows": rows, ENVIRONMENT: environment("cpu", 1, checkout())})
    return {"digest": key, "rows": rows, "bytes": len(payload)}


def prepare_again(digests: Iterable[str], described: Mapping[str, Any], store: Store) -> None:
    """Make what the store lacks of the data with these digests, which data.json has. Raises StoreError."""
    lost = store.lost("data", digests)
    if not lost:
        return
    print(f"{store.shown}: splits and examples missing or damaged, made again: {len(lost)}", flush=True)
    for task, planned in artifacts.planned_data().items():
        if lost & digests_of(described[task]):
            prepared(planned, store)
    if still := store.lost("data", lost):
        raise StoreError(
            f"{store.shown}: {len(still)} of {len(lost)} splits or sets of examples that were lost come out otherwise "
            "than data.json says (another Python, processor or data folder): "
            "`dvc repro --force --single-item prepare` writes it anew, `dvc repro` goes on from there"
        )
