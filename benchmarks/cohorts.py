"""Runs trained and attacked at once against one at a time, and against several processes on one device, in one run.

    python benchmarks/cohorts.py [--domain vision] [--method adversarial] [--device cuda] [--sizes 4 16 64]
        [--widths 4 8 16] [--processes 10]

Models, by standard training or another method: residual networks on glyphs, perceptrons on flows, or transformers on
facts. For each width: models an hour one at a time; in so many processes that each train one at a time (what `compute:
{gpus: 0.1}` does), and in cohorts of each size, as ratios to that; and the share that the fastest has of the rate of
large matrix products. Then, for images, how many times as fast the attack ensemble goes through a cohort of each size
at once as through its models one by one.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

import torch

from pipelines import parts
from pipelines.domain import Cohorts
from stages import domains

KINDS = {"vision": ("glyphs", "resnet"), "tabular": ("flows", "mlp"), "language": ("facts", "transformer")}
SIDE = 4096  # of the matrices
PRODUCTS = 5
EPSILON = 2 / 255  # of the attacks


def data_of(kind: str, train: int) -> dict[str, Any]:
    """The specification of the data of a domain, the same for every model."""
    use, _ = KINDS[kind]
    options = {"train": train, **({"test": 100} if kind == "vision" else {})}
    return {"use": use, "options": parts.full_options(f"pipelines.{kind}.datasets", use, options)}


def run_of(width: int, chosen: argparse.Namespace) -> dict[str, Any]:
    """The specification of a run, but for its seed."""
    kind, (_, model) = chosen.domain, KINDS[chosen.domain]
    options = {"width": width, **({"stem_stride": chosen.stem_stride} if kind == "vision" else {})}
    return {
        "domain": kind,
        "model": {"use": model, "options": parts.full_options(f"pipelines.{kind}.models", model, options)},
        "method": {
            "use": chosen.method,
            "options": parts.full_options(f"pipelines.{kind}.methods", chosen.method, {}),
        },
        "training": {"epochs": chosen.epochs, "batch_size": chosen.batch},
        "data": dict(domains.domain(kind).shape(data_of(kind, chosen.train)).about),
        "sibling": None,
    }


def cohorts_of(run: dict[str, Any]) -> Cohorts:
    """What trains cohorts of a run's domain."""
    found = domains.cohorts(run["domain"])
    assert found
    return found


def one_by_one(run: dict[str, Any], data: Any, device: str, models: int) -> list[Any]:
    """So many models, one after the other."""
    running = domains.running(run["domain"])
    return [running.train({**run, "seed": seed}, data.splits, device, ())[-1] for seed in range(models)]


def at_once(run: dict[str, Any], data: Any, device: str, models: int) -> list[Any]:
    """So many models in a cohort."""
    every = cohorts_of(run).train(
        {**run, "cohort": {"seeds": list(range(models)), "options": {}}}, data.splits, device, ()
    )
    return [each[-1] for each in every if not isinstance(each, Exception)]


def times_as_fast_attacked(run: dict[str, Any], data: Any, device: str, models: list[Any]) -> float:
    """Seconds of the attack ensemble on models one by one, over those on all at once."""
    running, domain = domains.running(run["domain"]), domains.domain(run["domain"])
    options = {"epsilon": EPSILON, "images": 100, "steps": 10, "targets": 1, "square_queries": 100}
    full = parts.full_options("pipelines.vision.conditions", "attack_ensemble", options)
    condition = {"use": "attack_ensemble", "options": full}
    examples, seeds = domain.examples(condition, data), range(len(models))
    restored = [running.restore(run, model.weights, device) for model in models]
    one_by_one = took(
        device, lambda: [running.predict(condition, *each) for each in zip(restored, repeat(examples), seeds)]
    )
    return one_by_one / took(device, lambda: cohorts_of(run).predict(condition, restored, examples, seeds))


def in_a_process(run: dict[str, Any], train: int, device: str, models: int, ready: Any, begin: Any) -> None:
    """One of several processes, which begin together."""
    torch.set_num_threads(1)
    data = domains.domain(run["domain"]).dataset(data_of(run["domain"], train))
    one_by_one(run, data, device, 1)
    ready.release()
    begin.wait()
    one_by_one(run, data, device, models)


def seconds_of_processes(run: dict[str, Any], chosen: argparse.Namespace) -> float:
    """For `--models` models in each of `--processes` processes, once all have trained one."""
    context = multiprocessing.get_context("spawn")
    ready, begin = context.Semaphore(0), context.Event()
    arguments = (run, chosen.train, chosen.device, chosen.models, ready, begin)
    every = [context.Process(target=in_a_process, args=arguments) for _ in range(chosen.processes)]
    for process in every:
        process.start()
    for _ in every:
        ready.acquire()
    began = time.perf_counter()
    begin.set()
    for process in every:
        process.join()
    return time.perf_counter() - began


def took(device: str, what: Callable[[], object]) -> float:
    """Seconds, the least of two."""
    every = []
    for _ in range(2):
        began = time.perf_counter()
        what()
        if device == "cuda":
            torch.cuda.synchronize()
        every.append(time.perf_counter() - began)
    return min(every)


def rate_of_products(device: str) -> float:
    """FLOPs a second of large matrix products."""
    one = torch.randn(SIDE, SIDE, device=device)
    one @ one
    if device == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(PRODUCTS):
        one @ one
    if device == "cuda":
        torch.cuda.synchronize()
    return 2 * SIDE**3 * PRODUCTS / (time.perf_counter() - began)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domain", default="vision", choices=KINDS)
    parser.add_argument("--method", default="standard")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 16, 64], help="of cohorts")
    parser.add_argument("--widths", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--stem-stride", type=int, default=4, choices=[1, 2, 4])
    parser.add_argument("--train", type=int, default=2000, help="training examples")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--models", type=int, default=4, help="timed one at a time")
    parser.add_argument("--processes", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    domain, attacks = domains.domain(chosen.domain), chosen.domain == "vision"
    specification = data_of(chosen.domain, chosen.train)
    data, device = domain.dataset(specification), chosen.device
    limit = rate_of_products(device)
    name = torch.cuda.get_device_name() if device == "cuda" else "one core"
    print(f"{name}, float32: {limit:.3g} FLOPs a second in products of {SIDE} x {SIDE}")
    columns = ["one at a time, models an hour", *[f"{chosen.processes} processes"] * bool(chosen.processes)]
    columns += [f"{size} at once" for size in chosen.sizes]
    columns += ["of the products' rate", *(f"{size} attacked at once" for size in chosen.sizes if attacks)]
    print(f"| width, parameters | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for width in chosen.widths:
        run = run_of(width, chosen)
        flops = one_by_one(run, data, device, 1)[-1].flops
        alone = took(device, lambda run=run: one_by_one(run, data, device, chosen.models)) / chosen.models  # type: ignore[misc]
        cells, best = [f"{3600 / alone:,.0f}"], flops / alone
        if chosen.processes:
            each = seconds_of_processes(run, chosen) / (chosen.processes * chosen.models)
            cells.append(f"{alone / each:.2f}")
        attacked = []
        for size in chosen.sizes:
            each = took(device, lambda run=run, size=size: at_once(run, data, device, size)) / size  # type: ignore[misc]
            cells.append(f"{alone / each:.2f}")
            best = max(best, flops / each)
            if attacks:
                attacked.append(f"{times_as_fast_attacked(run, data, device, at_once(run, data, device, size)):.2f}")
        cells += [f"{best / limit:.2f}", *attacked]
        parameters = domain.cost(run["model"], domain.shape(specification)).parameters
        print(f"| {width}, {parameters:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
