"""The same budget of tuning for every method: random configurations, chosen by clean accuracy on validation images.

    python benchmarks/tuning.py [docs/studies/full.yaml] [--models resnet-8] [--methods mixup,sam] [--trials 8]

The data, the training budget and the methods are the study's. A method's file says what may be tuned:
`TUNED = {option: (low, high, "log" or "linear")}`. The first trial is the method as the study has it, the others are
drawn at random (Bergstra & Bengio 2012). Nothing that a safety measurement is made on is
looked at. The curve is the expected maximum of so many of the trials (Dodge et al. 2019, arXiv 1909.03004): a method
whose curve still rises has not had enough of them. Where clean accuracy is what a method pays with (adversarial
training), the choice is the cheapest of its kind, not the safest: so its radius is no option of the tuning.
"""

import argparse
import itertools
import json
import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pipelines import parts
from pipelines.supervised.draws import numpy_generator
from pipelines.vision import domain, running
from pipelines.vision.condition import logits_of
from pipelines.vision.data import Dataset
from stages.study import params
from stages.study.expansion import run_spec
from stages.study.model import Part, Task

METHODS = "pipelines.vision.methods"


def tuned(method: str) -> Mapping[str, tuple[float, float, str]]:
    """What may be tuned of a method: low, high and the scale of each option."""
    found: Mapping[str, tuple[float, float, str]] = getattr(parts.module(METHODS, method), "TUNED", {})
    return found


def configurations(method: Part, trials: int, seed: int) -> list[dict[str, float]]:
    """The study's options, then random ones, four digits of each; one alone where nothing may be tuned."""
    generator = numpy_generator(seed, f"tuning/{method.use}")
    drawn = [dict(method.options)]
    for _ in range(trials - 1 if tuned(method.use) else 0):
        options = dict(method.options)
        for name, (low, high, scale) in tuned(method.use).items():
            share = generator.random()
            value = (
                math.exp(math.log(low) + share * math.log(high / low)) if scale == "log" else low + share * (high - low)
            )
            options[name] = float(f"{value:.4g}")
        drawn.append(options)
    return drawn


def expected_maximum(values: Sequence[float], draws: int) -> float:
    """The mean, over all choices of so many of the values without replacement, of the largest."""
    n = len(values)
    weights = [math.comb(rank, draws - 1) / math.comb(n, draws) for rank in range(n)]
    return float(np.sort(values) @ weights)


def trial(asked: tuple[Part, str], data: Dataset, study: Task) -> tuple[float, float]:
    """Validation accuracy, and CPU seconds of the training, of one configuration of a method on a model."""
    method, model = asked
    torch.set_num_threads(1)
    family, _, width = model.rpartition("-")
    run = run_spec(study, method, Part(model, family, {"width": int(width)}), seed=0, sibling=None)
    start = time.process_time()
    trained = running.train(run, data.splits, "cpu")[-1]
    seconds = time.process_time() - start
    validation = data.splits["validation"]
    logits = logits_of(running.restore(run, trained.weights, "cpu"), validation.images)
    return float((logits.argmax(1) == validation.labels).mean()), seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", type=Path, default=Path("params.yaml"))
    parser.add_argument("--models", default="resnet-8", help="family-width, with commas between them")
    parser.add_argument("--methods", default="", help="all of the study by default")
    parser.add_argument("--trials", type=int, default=8, help="of each method and model")
    parser.add_argument("--validation", type=int, default=1000, help="validation images")
    parser.add_argument("--seed", type=int, default=0, help="of the configurations")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread")
    chosen = parser.parse_args()
    (study,) = params.read(chosen.study).tasks
    data_options = {**study.data.options, "validation": chosen.validation}
    data = domain.dataset({"use": study.data.use, "options": data_options})
    named = chosen.methods.split(",") if chosen.methods else [method.name for method in study.methods]
    methods = [method for method in study.methods if method.name in named]
    curve = sorted({1, 2, 4, chosen.trials})
    print(f"{study.data.use} {data_options}; {dict(study.training)}")
    print(f"| model | method | trials | CPU s | as it stands | {' | '.join(f'best of {n}' for n in curve)} | chosen |")
    print("|---|---|---|---|---|" + "---|" * len(curve) + "---|")
    start = time.perf_counter()
    with ProcessPoolExecutor(chosen.workers) as pool:
        for model, method in itertools.product(chosen.models.split(","), methods):
            options = configurations(method, chosen.trials, chosen.seed)
            asked = [(replace(method, options=each), model) for each in options]
            found = list(pool.map(partial(trial, data=data, study=study), asked))
            accuracy = [value for value, _ in found]
            best = [expected_maximum(accuracy, n) if n <= len(accuracy) else max(accuracy) for n in curve]
            cells = " | ".join(f"{100 * value:.1f} %" for value in (accuracy[0], *best))
            best_options = options[int(np.argmax(accuracy))]
            choice = {name: best_options[name] for name in tuned(method.use)}
            seconds = sum(seconds for _, seconds in found)
            print(
                f"| {model} | {method.name} | {len(options)} | {seconds:.0f} | {cells} | {json.dumps(choice)} |",
                flush=True,
            )
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
