"""Models per hour of the sweep, against a process per model and against a plain loop, in one run.

    python benchmarks/sweep.py [--models 320] [--epochs 5] [--width 4]

Every way trains the same tiny CNNs (digits at 8 pixels) and measures their clean accuracy. The sweep does it as the
stages do: keys, store, Ray, MLflow, tables. (a) is one process per model, two at a time; (b) is one process with a
plain loop, its imports not counted; (c), the limit, is two such loops at once. All three are timed on fewer models and
scaled.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from cluster.process import SESSION_OF

ROOT = Path(__file__).parent.parent
STAGES = ("train", "predict", "measure", "collect")


def study(models: int, epochs: int, width: int, train: int) -> dict[str, Any]:
    """A study of one method and one model over many seeds."""
    return {
        "study": "sweep",
        "vision": {
            "data": {"use": "digits", "size": 8, "train": train},
            "training": {"epochs": epochs, "batch_size": 64},
            "models": {"resnet": {"widths": [width], "stem_stride": 1}},
            "seeds": list(range(models)),
            "methods": {"standard": None},
            "conditions": {"clean": None},
            "measurements": {"clean": {"accuracy": "capability"}},
        },
    }


def train_and_measure(seeds: Iterable[int], params: dict[str, Any]) -> list[float]:
    """The plain loop: clean accuracies of freshly trained models."""
    import torch

    from pipelines import parts
    from pipelines.vision import domain, running

    torch.set_num_threads(1)
    vision = params["vision"]
    options = {name: value for name, value in vision["data"].items() if name != "use"}
    data = domain.dataset({"use": "digits", "options": options})
    clean = {"use": "clean", "options": {}}
    examples = domain.examples(clean, data)
    accuracy = parts.load("pipelines.metrics", "accuracy")
    values = []
    for seed in seeds:
        (width,) = vision["models"]["resnet"]["widths"]
        run = {
            "model": {"use": "resnet", "options": {"width": width, "stem_stride": 1}},
            "method": {"use": "standard", "options": {}},
            "training": vision["training"],
            "data": {"classes": 10, "size": data.size},
            "sibling": None,
            "seed": seed,
        }
        (trained,) = running.train(run, data.splits, "cpu")
        classifier = running.restore(run, trained.weights, "cpu")
        values.append(accuracy(running.predict(clean, classifier, examples, seed)).value)
    return values


def seconds_of_the_sweep(params: dict[str, Any]) -> tuple[dict[str, float], float]:
    """Seconds of each stage, from an empty store; and the seconds spent inside training."""
    with tempfile.TemporaryDirectory() as folder:
        YAML().dump(params, Path(folder, "params.yaml"))
        spent = {}
        for stage in ("plan", "prepare", *STAGES):
            start = time.perf_counter()
            environment = {**os.environ, "PYTHONPATH": str(ROOT), SESSION_OF: str(os.getpid())}  # as one `dvc repro`
            command = [sys.executable, "-m", "stages", stage]
            subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
            spent[stage] = time.perf_counter() - start
        records = Path(folder, "store/runs").rglob("*.record")
        return spent, sum(json.loads(record.read_text())["facts"]["seconds"] for record in records)


def seconds_of_a_process_each(params: dict[str, Any], models: int) -> float:
    """Seconds for so many models, one process each, two at a time."""
    command = [sys.executable, __file__, "--one", json.dumps(params)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(subprocess.run, [*command, str(seed)], env=environment, check=True) for seed in range(models)
        ]
        for run in runs:
            run.result()
    return time.perf_counter() - start


def seconds_of_two_loops(params: dict[str, Any], models: int) -> float:
    """Seconds for so many models in each of two plain loops at once, their imports not counted."""
    context = get_context("spawn")
    ready = context.Barrier(3)
    with ProcessPoolExecutor(2, context, begun, (params, ready)) as pool:
        loops = [pool.submit(train_and_measure, range(models), params) for _ in range(2)]
        ready.wait()
        start = time.perf_counter()
        for loop in loops:
            loop.result()
        return time.perf_counter() - start


def begun(params: dict[str, Any], ready: Barrier) -> None:
    """Import all that a loop needs, and wait for the other one."""
    train_and_measure([0], params)
    ready.wait()


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--train", type=int, default=1000, help="training images")
    parser.add_argument("--processes", type=int, default=8, help="models timed for (a)")
    parser.add_argument("--loop", type=int, default=40, help="models timed for (b)")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        train_and_measure([int(chosen.one[1])], json.loads(chosen.one[0]))
        return
    params = study(chosen.models, chosen.epochs, chosen.width, chosen.train)
    each = seconds_of_a_process_each(params, chosen.processes) / chosen.processes
    train_and_measure([0], params)
    start = time.perf_counter()
    train_and_measure(range(chosen.loop), params)
    loop = (time.perf_counter() - start) / chosen.loop
    two = seconds_of_two_loops(params, chosen.loop) / (2 * chosen.loop)
    spent, training = seconds_of_the_sweep(params)
    sweep = sum(spent[stage] for stage in STAGES) / chosen.models
    train_only = spent["train"] / chosen.models
    cores = os.cpu_count() or 1
    print(f"{chosen.models} models, {cores} cores, {loop:.2f} s a model in the plain loop")
    print("| way | models per hour | against (a) | against (b) |\n|---|---|---|---|")
    for way, cost in (
        ("(a) a process per model, two at a time", each),
        ("(b) one process, plain loop", loop),
        ("(c) two plain loops at once", two),
        ("stage train alone: keys, store, Ray", train_only),
        ("train, predict, measure, collect: MLflow too", sweep),
    ):
        print(f"| {way} | {3600 / cost:,.0f} | {each / cost:.1f} | {loop / cost:.2f} |")
    print("seconds: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in spent.items()))
    print(
        f"share of the cores' time outside training: {1 - training / (cores * spent['train']):.2f} of stage train,",
        end=" ",
    )
    print(f"{1 - training / (cores * sum(spent[stage] for stage in STAGES)):.2f} of all four")


if __name__ == "__main__":
    main()
