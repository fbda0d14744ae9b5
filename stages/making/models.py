"""Models: trained on Ray, the longest first, and stored as they come."""

import json
import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cluster.fanout import Failed, Finished
from cluster.resources import assigned, most
from stages import artifacts, domains
from stages.cohorts import place_of
from stages.errors import StoreError, reason
from stages.making.data import prepare_again
from stages.making.sweep import environment_of, swept
from stages.needed import cohorts, planned_runs, row_of, trainings
from stages.records import Run, Training
from stages.store import codecs
from stages.store.code_snapshot import Planned
from stages.store.lock import Progress
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Entry, Store

TRAINED = ("flops", "steps", "loss")
CURVE_POINTS = 24  # of the loss over a training, at most
CURVE_EVERY = 5  # steps from one of its points to the next, at least: the model is copied at each
CURVE_BYTES = 2**28  # that the weights at these points may take meanwhile, of all runs that are trained at once
FAILURE = ("error", "message", "traceback")
Stored = tuple[str, bytes, dict[str, Any]]  # a key, the weights, and the facts of the record
Failure = dict[str, Any]  # class, message, traceback; `inherent` where the run fails whenever it is trained


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
    items = cohorts(missing)
    for result in swept(
        "train",
        trained,
        items,
        total=len(items),
        shared={"splits": splits},
        needs=lambda compute, item: most(compute.resources(*named(training.run)) for training in item),
        codes=codes_of((run.run, run.spec, run.code) for run in runs),
        store=store,
    ):
        keep(result, store)
        for training in result.item:
            progress.advance(training.run.planned_flops)
            ended(training)


def named(run: Run) -> tuple[str, str, str]:
    """Task, method and model."""
    return run.task, run.method, run.model


def codes_of(runs: Iterable[tuple[str, str, str]]) -> Iterator[Planned]:
    """The code that runs are planned to be made with: of each its name, specification and code's digest."""
    for name, spec, code in runs:
        yield name, domains.training_modules(json.loads(spec)), code


def curve_steps(run: Run, at_once: int = 1) -> list[int]:
    """The steps before the last one after which the loss is kept: a model is asked for there, as for a checkpoint, of
    each of so many runs that are trained at once.
    """
    steps = run.planned_steps
    points = min(CURVE_POINTS, CURVE_BYTES // (4 * run.parameters * at_once), steps // CURVE_EVERY)
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


def trained(cohort: tuple[Training, ...], shared: Mapping[str, Any]) -> list[list[Stored] | Failure]:
    """In the worker: of each training the key, the weights as bytes and the facts of what was missing of it, the end
    last; or why it failed, where others of its cohort did not. Where the worker reaches the store it writes them there
    and returns none.
    """
    began = time.perf_counter()
    run = cohort[0].run
    running, spec = domains.running(run.domain), json.loads(run.spec)
    splits = {name: split for (task, name), split in shared["splits"].items() if task == run.task}
    device = running.device_for(*assigned())
    at = {step for training in cohort for step in training.keys if step is not None}
    together = domains.cohorts(run.domain) if "cohort" in spec else None
    models = len(spec["cohort"]["seeds"]) if together else 1
    at |= {step for training in cohort if shown(training) for step in curve_steps(training.run, models)}
    every: Sequence[Sequence[Any] | Exception]
    if together:
        by_place = together.train(spec, splits, device, sorted(at))
        every = [by_place[place_of(json.loads(training.run.spec))] for training in cohort]
    else:
        every = [running.train(spec, splits, device, sorted(at))]
    about: dict[str, Any] = {"seconds": (time.perf_counter() - began) / models, "ended": time.time()}
    about[ENVIRONMENT] = environment_of(running.device_name(device), shared["checkout"])
    found: list[list[Stored] | Failure] = []
    for training, results in zip(cohort, every, strict=True):
        if isinstance(results, Exception):
            why = {"error": type(results).__name__, "message": str(results), "inherent": True}
            found.append({**why, "traceback": "".join(traceback.format_exception(results))})
            continue
        stored = stored_of(training, results, about)
        if shared["store"]:
            store_weights(stored, Store(shared["store"]))
        found.append([] if shared["store"] else stored)
    return found


def shown(training: Training) -> bool:
    """Whether a training's curve of the loss is kept: with its end, and of no sibling model."""
    return None in training.keys and training.run.sibling is None


def stored_of(training: Training, every: Sequence[Any], about: Mapping[str, Any]) -> list[Stored]:
    """What is stored of a training."""
    keys = training.keys
    facts = {"run": training.run.run, **about}
    results = [(keys[result.steps], result, facts) for result in every[:-1] if result.steps in keys]
    if None in keys:
        results.append((keys[None], every[-1], {**facts, "curve": curve_of(every)}))
    return [
        (key, codecs.weights_bytes(result.weights), {**{name: getattr(result, name) for name in TRAINED}, **of_it})
        for key, result, of_it in results
    ]


def curve_of(every: Sequence[Any]) -> list[tuple[int, float]]:
    """Step and loss of a model on its way, where the loss is finite."""
    return [(each.steps, each.loss) for each in every if math.isfinite(each.loss)]


def store_weights(found: list[Stored], store: Store) -> None:
    """Store the weights that `trained` returned."""
    for key, weights, facts in found:
        store.write("runs", key, weights, facts)


def keep(result: Finished | Failed, store: Store) -> None:
    """Store the weights of finished trainings, where the worker has not, or why they failed."""
    if isinstance(result, Finished):
        every = result.value
    else:
        every = [{name: getattr(result, name) for name in FAILURE}] * len(result.item)
    for training, found in zip(result.item, every, strict=True):
        if isinstance(found, dict):
            for key in training.keys.values():
                store.write_failure("runs", key, {"run": training.run.run, "ended": time.time(), **found})
        else:
            store_weights(found, store)
            for key in training.keys.values():
                store.forget_failure("runs", key)


def with_fate(run: Run, entry: Entry | None, store: Store) -> dict[str, Any]:
    """A row of the table RUNS, of a run and its entry in the store, if it has one."""
    row = row_of(run)
    if entry:
        facts = {name: entry.facts[name] for name in TRAINED}
        return {**row, **facts, ENVIRONMENT: entry.environment, "status": "finished", "reason": ""}
    nothing = {**dict.fromkeys(TRAINED), ENVIRONMENT: ""}
    return {**row, **nothing, "status": "failed", "reason": reason(store.failure("runs", run.key))}
