"""Stage `train`: every planned run that is not in the store yet, trained on Ray."""

import importlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cluster.fanout import Failed, Finished, assigned, fanout
from stages import failed, tables
from stages.errors import StoreError
from stages.plan import CHECKPOINT, FOLDER
from stages.prepare import described, prepare_again
from stages.store import codecs, provenance
from stages.store.code_snapshot import Planned, snapshot
from stages.store.keys import digest
from stages.store.lock import Work, locked
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Entry, Store
from stages.study import params

RUNS = Path("runs.parquet")
MODEL = ("run", "domain", "dataset", "method", "model", "family", "seed", "parameters", "spec", "code")
IDENTITY = (*MODEL, "role", "at_step", "companion")
TRAINED = ("flops", "steps", "loss")
FAILURES = failed.path("train")


def main() -> None:
    """Train what is missing, then write runs.parquet: every planned run, finished or failed."""
    planned = tables.read(tables.PLANNED_RUNS, FOLDER / "runs.parquet")
    data = described()
    store = Store.from_environment()
    runs = [keyed(row, data) for row in planned.iter_rows(named=True)]
    with locked(store, "train", wait=True) as work:
        done = store.all_done("runs", (run["run_key"] for run in runs))
        missing = [run for run in runs if run["run_key"] not in done]
        if done:
            print(f"{len(runs) - len(missing)} of {len(runs)} runs are in the store already")
        train_all(trainings(missing), data, store, work)
    rows = with_fates(runs, store)
    tables.write(rows, tables.RUNS, RUNS)
    write_failures([(row["run"], "runs", row["run_key"]) for row in rows if row["status"] == "failed"], store, FAILURES)
    print(f"{sum(row['status'] == 'finished' for row in rows)} of {len(rows)} runs finished")


def write_failures(failed: list[tuple[str, str, str]], store: Store, path: Path) -> None:
    """Print what failed (name, kind and key of each) and write it, with the number of attempts, for the next repro."""
    said = {}
    for name, kind, key in failed:
        failure = store.failure(kind, key)
        said[name] = {"reason": reason(failure), "attempts": failure["attempts"] if failure else 0}
        print(f"failed: {name}: {said[name]['reason']}")
    tables.write_json(said, path)


def keyed(row: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """A planned run with its key: what it is made from, its training data's digests and its code."""
    splits = {name: data[row["domain"]]["splits"][name]["digest"] for name in row["splits"].split(",")}
    spec = json.loads(row["spec"])
    identity = {name: row[name] for name in IDENTITY}
    whole = digest({"spec": spec, "splits": splits, "code": row["code"]})
    key = whole if row["role"] != CHECKPOINT else digest({"run": whole, "step": row["at_step"]})
    return {**identity, "run_key": key, "training": whole, "planned_flops": row["flops"], "splits": splits}


def trainings(missing: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What to train for the missing runs, the longest first: a run and its checkpoints are one training. `keys` has
    the key of each that is missing, by step, None for the end.
    """
    found: dict[str, dict[str, Any]] = {}
    for run in missing:
        found.setdefault(run["training"], {**run, "keys": {}})["keys"][run["at_step"]] = run["run_key"]
    return sorted(found.values(), key=lambda training: (-training["planned_flops"], training["run"]))


def train_all(missing: list[dict[str, Any]], data: Mapping[str, Any], store: Store, work: Work) -> None:
    """Fan the trainings out and store each as it comes."""
    if not missing:
        return
    compute = params.compute()
    wanted = {(run["domain"], name): digest for run in missing for name, digest in run["splits"].items()}
    prepare_again(wanted.values(), data, store)
    shared = {
        "store": store.uri if store.shared else None,
        "checkout": provenance.checkout(),
        "splits": {which: split_of(which[0], store.read("data", digest)) for which, digest in wanted.items()},
    }
    work.begin(len(missing), sum(run["planned_flops"] for run in missing))
    with snapshot(codes_of(missing)) as code:
        for result in fanout(
            trained,
            missing,
            total=len(missing),
            shared=shared,
            resources=compute.resources,
            workers=compute.workers,
            code=code,
            title="train",
        ):
            keep(result, store)
            work.advance(result.item["planned_flops"])


def codes_of(runs: Iterable[Mapping[str, Any]]) -> Iterator[Planned]:
    """The code that these runs are planned to be made with."""
    for run in runs:
        domain = importlib.import_module(f"pipelines.{run['domain']}.domain")
        yield run["run"], domain.training_modules(json.loads(run["spec"])), run["code"]


def split_of(domain: str, payload: bytes) -> Any:
    """A domain's split, of its stored bytes."""
    return importlib.import_module(f"pipelines.{domain}.arrays").split_from(codecs.arrays(payload))


def train_again(keys: Iterable[str], data: Mapping[str, Any], store: Store, work: Work) -> None:
    """Train the planned runs with these keys that the store has lost since they were trained. Raises StoreError."""
    lost = store.lost("runs", keys)
    if not lost:
        return
    print(f"{store.shown}: models missing or damaged, trained again: {len(lost)}", flush=True)
    planned = tables.read(tables.PLANNED_RUNS, FOLDER / "runs.parquet")
    runs = [keyed(row, data) for row in planned.iter_rows(named=True)]
    train_all(trainings([run for run in runs if run["run_key"] in lost]), data, store, work)
    if still := sorted(store.lost("runs", lost)):
        raise StoreError(
            f"{store.shown}: {len(still)} of {len(lost)} models that were lost could not be trained again, the first: "
            f"{reason(store.failure('runs', still[0]))}: `dvc repro --force --single-item train` lists them, `dvc "
            "repro` goes on without them"
        )


def trained(run: Mapping[str, Any], shared: Mapping[str, Any]) -> list[tuple[str, bytes, dict[str, Any]]]:
    """In the worker: the key, the weights as bytes and the facts of what was missing of a training, the end last. Where
    the worker reaches the store it writes them there and returns none.
    """
    began = time.perf_counter()
    running = importlib.import_module(f"pipelines.{run['domain']}.running")
    splits = {name: split for (domain, name), split in shared["splits"].items() if domain == run["domain"]}
    steps = [step for step in run["keys"] if step is not None]
    device = running.device_for(*assigned())
    *on_the_way, end = running.train(json.loads(run["spec"]), splits, device, steps)
    results = [(run["keys"][result.steps], result) for result in on_the_way]
    if None in run["keys"]:
        results.append((run["keys"][None], end))
    about = {"run": run["run"], "seconds": time.perf_counter() - began}
    about[ENVIRONMENT] = environment_of(running.device_name(device), shared["checkout"])
    found = [
        (key, codecs.weights_bytes(result.weights), {**{name: getattr(result, name) for name in TRAINED}, **about})
        for key, result in results
    ]
    if not shared["store"]:
        return found
    store_weights(found, Store(shared["store"]))
    return []


def environment_of(device: str, checkout: Mapping[str, Any]) -> dict[str, Any]:
    """In the worker: what it computes with."""
    return provenance.environment(device, max(1, int(assigned()[0])), checkout)


def store_weights(found: list[tuple[str, bytes, dict[str, Any]]], store: Store) -> None:
    """Store what `trained` found."""
    for key, weights, facts in found:
        store.write("runs", key, weights, facts)


def keep(result: Finished | Failed, store: Store) -> None:
    """Store a finished training's weights, where the worker has not, or why it failed."""
    if isinstance(result, Finished):
        store_weights(result.value, store)
        for key in result.item["keys"].values():
            store.forget_failure("runs", key)
    else:
        failure = {"error": result.error, "message": result.message, "traceback": result.traceback}
        for key in result.item["keys"].values():
            store.write_failure("runs", key, {"run": result.item["run"], **failure})


def with_fates(runs: list[dict[str, Any]], store: Store) -> list[dict[str, Any]]:
    """The rows of runs.parquet: what each run came to."""
    entries = store.entries("runs", (run["run_key"] for run in runs))
    return [with_fate(run, entries.get(run["run_key"]), store) for run in runs]


def with_fate(run: dict[str, Any], entry: Entry | None, store: Store) -> dict[str, Any]:
    """A row of runs.parquet, of a run and its entry in the store, if it has one."""
    row = {name: run[name] for name in tables.RUNS.columns if name in run}
    if entry:
        facts = {name: entry.facts[name] for name in TRAINED}
        return {**row, **facts, ENVIRONMENT: made_with(entry), "status": "finished", "reason": ""}
    nothing = {**dict.fromkeys(TRAINED), ENVIRONMENT: ""}
    return {**row, **nothing, "status": "failed", "reason": reason(store.failure("runs", run["run_key"]))}


def made_with(entry: Entry) -> str:
    """The environment that an entry was made with, as JSON."""
    return provenance.text(entry.facts.get(ENVIRONMENT))


def reason(failure: Mapping[str, Any] | None) -> str:
    """A failure in one line: class and message."""
    return f"{failure['error']}: {failure['message']}" if failure else "not run"
