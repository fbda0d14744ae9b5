"""Models: trained on Ray, the longest first, and stored as they come."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cluster.fanout import Failed, Finished
from cluster.resources import assigned
from stages import artifacts, domains
from stages.errors import StoreError, reason
from stages.making.data import prepare_again
from stages.making.sweep import environment_of, swept
from stages.needed import planned_runs, row_of, trainings
from stages.records import Run, Training
from stages.store import codecs
from stages.store.code_snapshot import Planned
from stages.store.lock import Progress
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Entry, Store

TRAINED = ("flops", "steps", "loss")
CURVE_POINTS = 24  # of the loss over a training, at most
CURVE_BYTES = 2**28  # that the weights at these points may take meanwhile
Stored = tuple[str, bytes, dict[str, Any]]  # a key, the weights, and the facts of the record


def train_all(
    missing: list[Training],
    data: Mapping[str, Any],
    store: Store,
    progress: Progress,
    ended: Callable[[Training], None] = lambda _: None,
) -> None:
    """Fan the trainings out and store each as it comes, then say that it has `ended`."""
    if not missing:
        return
    runs = [training.run for training in missing]
    wanted = {(run.task, name): digest for run in runs for name, digest in run.splits.items()}
    domain_of = {run.task: run.domain for run in runs}
    prepare_again(wanted.values(), data, store)
    splits = {which: split_of(domain_of[which[0]], store.read("data", digest)) for which, digest in wanted.items()}
    progress.begin(len(missing), sum(run.planned_flops for run in runs))
    for result in swept(
        "train",
        trained,
        missing,
        total=len(missing),
        shared={"splits": splits},
        needs=lambda compute, item: compute.resources(item.run.task, item.run.method, item.run.model),
        codes=codes_of((run.run, run.spec, run.code) for run in runs),
        store=store,
    ):
        keep(result, store)
        progress.advance(result.item.run.planned_flops)
        ended(result.item)


def codes_of(runs: Iterable[tuple[str, str, str]]) -> Iterator[Planned]:
    """The code that runs are planned to be made with: of each its name, specification and code's digest."""
    for name, spec, code in runs:
        yield name, domains.training_modules(json.loads(spec)), code


def curve_steps(run: Run) -> list[int]:
    """The steps before the last one after which the loss is kept: a model is asked for there, as for a checkpoint."""
    steps = run.planned_steps
    points = min(CURVE_POINTS, CURVE_BYTES // (4 * run.parameters), steps)
    return sorted({steps * point // points for point in range(1, points)})


def split_of(domain: str, payload: bytes) -> Any:
    """A domain's split, of its stored bytes."""
    return domains.arrays(domain).split_from(codecs.arrays(payload))


def train_again(keys: Iterable[str], data: Mapping[str, Any], store: Store, progress: Progress) -> None:
    """Train the planned runs with these keys that the store has lost since they were trained. Raises StoreError."""
    lost = store.lost("runs", keys)
    if not lost:
        return
    print(f"{store.shown}: models missing or damaged, trained again: {len(lost)}", flush=True)
    runs = planned_runs(artifacts.PLANNED_RUNS.read(), data)
    train_all(trainings(run for run in runs if run.key in lost), data, store, progress)
    if still := sorted(store.lost("runs", lost)):
        raise StoreError(
            f"{store.shown}: {len(still)} of {len(lost)} models that were lost could not be trained again, the first: "
            f"{reason(store.failure('runs', still[0]))}: `dvc repro --force --single-item train` lists them, `dvc "
            "repro` goes on without them"
        )


def trained(training: Training, shared: Mapping[str, Any]) -> list[Stored]:
    """In the worker: the key, the weights as bytes and the facts of what was missing of a training, the end last. Where
    the worker reaches the store it writes them there and returns none.
    """
    began = time.perf_counter()
    run, keys = training.run, training.keys
    running = domains.running(run.domain)
    splits = {name: split for (task, name), split in shared["splits"].items() if task == run.task}
    steps = {step for step in keys if step is not None}
    shown = None in keys and run.sibling is None
    between = curve_steps(run) if shown else []
    device = running.device_for(*assigned())
    every = running.train(json.loads(run.spec), splits, device, sorted({*steps, *between}))
    about = {"run": run.run, "seconds": time.perf_counter() - began, "ended": time.time()}
    about[ENVIRONMENT] = environment_of(running.device_name(device), shared["checkout"])
    results = [(keys[result.steps], result, about) for result in every[:-1] if result.steps in steps]
    if None in keys:
        results.append((keys[None], every[-1], {**about, "curve": curve_of(every)}))
    found = [
        (key, codecs.weights_bytes(result.weights), {**{name: getattr(result, name) for name in TRAINED}, **facts})
        for key, result, facts in results
    ]
    if not shared["store"]:
        return found
    store_weights(found, Store(shared["store"]))
    return []


def curve_of(every: Sequence[Any]) -> list[tuple[int, float]]:
    """Step and loss of a model on its way, where the loss is finite."""
    return [(each.steps, each.loss) for each in every if math.isfinite(each.loss)]


def store_weights(found: list[Stored], store: Store) -> None:
    """Store the weights that `trained` returned."""
    for key, weights, facts in found:
        store.write("runs", key, weights, facts)


def keep(result: Finished | Failed, store: Store) -> None:
    """Store a finished training's weights, where the worker has not, or why it failed."""
    if isinstance(result, Finished):
        store_weights(result.value, store)
        for key in result.item.keys.values():
            store.forget_failure("runs", key)
    else:
        failure = {"error": result.error, "message": result.message, "traceback": result.traceback}
        for key in result.item.keys.values():
            store.write_failure("runs", key, {"run": result.item.run.run, "ended": time.time(), **failure})


def with_fate(run: Run, entry: Entry | None, store: Store) -> dict[str, Any]:
    """A row of the table RUNS, of a run and its entry in the store, if it has one."""
    row = row_of(run)
    if entry:
        facts = {name: entry.facts[name] for name in TRAINED}
        return {**row, **facts, ENVIRONMENT: entry.environment, "status": "finished", "reason": ""}
    nothing = {**dict.fromkeys(TRAINED), ENVIRONMENT: ""}
    return {**row, **nothing, "status": "failed", "reason": reason(store.failure("runs", run.key))}
