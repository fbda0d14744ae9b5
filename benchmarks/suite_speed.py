"""Seconds of every condition of a study on one small model, one core: where the time of the safety suite goes.

    python benchmarks/suite_speed.py [docs/studies/full.yaml] [--model cnn-12] [--test 2000] [--repeats 3]

The model is trained as the study's standard runs are; the second models that some conditions have trained are the same
one here: what those cost is training. Medians. Attacks are what searches for inputs by gradient or query.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch

from pipelines import parts
from pipelines.supervised.draws import torch_generator
from pipelines.vision import domain, running
from stages.study import params
from stages.study.expansion import run_spec
from stages.study.model import Part

ATTACKS = ("attack_ensemble", "robustness_curve", "transfer_attack", "unforeseen", "pgd")


def main() -> None:
    """Train, time, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", type=Path, default=Path("docs/studies/full.yaml"))
    parser.add_argument("--model", default="cnn-12", help="family-width")
    parser.add_argument("--test", type=int, default=2000, help="test images")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    (study,) = params.read(chosen.study).tasks
    data = domain.dataset({"use": study.data.use, "options": {**study.data.options, "test": chosen.test}})
    family, _, width = chosen.model.rpartition("-")
    model = Part(chosen.model, family, {"width": int(width)})
    run = run_spec(study, Part("standard", "standard", {}), model, seed=0, sibling=None)
    start = time.perf_counter()
    trained = running.train(run, data.splits, "cpu")[-1]
    training = time.perf_counter() - start
    classifier = running.restore(run, trained.weights, "cpu")
    parameters = domain.cost(run["model"], study.shape).parameters
    print(f"{chosen.model}: {parameters:,} parameters, trained in {training:.1f} s; {chosen.test} test images")
    seconds: dict[str, float] = {}
    for condition in study.conditions:
        made = parts.load("pipelines.vision.conditions", condition.use, condition.options)
        examples = domain.examples(condition.spec(), data)
        times = []
        for _ in range(chosen.repeats):
            start = time.perf_counter()
            made.outcomes(classifier, examples, torch_generator(0, "suite"))
            times.append(time.perf_counter() - start)
        seconds[condition.name] = statistics.median(times)
    total = sum(seconds.values())
    attacks = sum(seconds[condition.name] for condition in study.conditions if condition.use in ATTACKS)
    print("| condition | s | share |\n|---|---|---|")
    for name, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"| {name} | {spent:.2f} | {spent / total:.0%} |")
    print(f"| all {len(seconds)} | {total:.1f} | attacks {attacks / total:.0%} |")


if __name__ == "__main__":
    main()
