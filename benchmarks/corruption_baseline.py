"""The baseline's errors that mCE and relative mCE are in units of, measured: `pipelines/metrics/_corruptions.py`.

    python benchmarks/corruption_baseline.py

A standard resnet-8 on the glyphs dataset at its defaults, trained as the default study trains, the mean over seeds 0 to
4, all test images under each corruption at each severity. Prints each corruption's mean and its standard deviation over
seeds, then the constants as they stand in the file.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from pipelines.outcomes import Outcomes
from pipelines.parts import defaults, factory
from pipelines.vision import domain, running
from pipelines.vision.conditions._corrupt import CORRUPTIONS
from pipelines.vision.data import Dataset, Examples

DATA = {"use": "glyphs", "options": {}}
IMAGES = defaults(factory("pipelines.vision.datasets", "glyphs"))["test"]
TRAINING = {"epochs": 5, "batch_size": 64, "learning_rate": 0.004}
RUN = {
    "method": {"use": "standard", "options": {}},
    "model": {"use": "resnet", "options": {"width": 8}},
    "training": TRAINING,
    "sibling": None,
}
SEEDS = range(5)


def condition_of(kinds: Collection[str]) -> dict[str, Any]:
    """All test images under these corruptions, and as they are."""
    return {"use": "corruptions", "options": {"images": IMAGES, "kinds": list(kinds), "clean": True}}


def errors_by_kind(outcomes: Outcomes) -> dict[str, float]:
    """Errors under each corruption, summed over the severities; those on the same images when clean, as `clean`."""
    wrong = outcomes.logits.argmax(axis=1) != outcomes.labels
    found = {"clean": float(1 - outcomes.values["right_when_clean"].mean())}
    for number, name in enumerate(outcomes.part_names):
        kind = name.rpartition(" ")[0]
        found[kind] = found.get(kind, 0.0) + float(wrong[outcomes.parts == number].mean())
    return found


def baseline(seed: int, data: Dataset, condition: Mapping[str, Any], examples: Examples) -> dict[str, float]:
    """The errors of the baseline trained from a seed."""
    run = {**RUN, "data": {"classes": len(data.class_names), "size": data.size}, "seed": seed}
    trained = running.train(run, {"train": data.splits["train"]}, "cpu")[-1]
    model = running.restore(run, trained.weights, "cpu")
    return errors_by_kind(running.predict(condition, model, examples, seed))


def baselines(seeds: Collection[int], kinds: Collection[str]) -> Iterator[dict[str, float]]:
    """The errors of the baseline trained from each of the seeds."""
    data, condition = domain.dataset(DATA), condition_of(kinds)
    examples = domain.examples(condition, data)
    return (baseline(seed, data, condition, examples) for seed in seeds)


def main() -> None:
    """Measure, print."""
    start, rows = time.perf_counter(), []
    for seed, errors in zip(SEEDS, baselines(SEEDS, CORRUPTIONS), strict=True):
        print(f"seed {seed}: clean error {errors['clean']:.4f}, {time.perf_counter() - start:.0f} s", flush=True)
        rows.append(errors)
    mean, spread = ({k: float(of([row[k] for row in rows])) for k in rows[0]} for of in (np.mean, deviation))
    print("\n| corruption | mean | standard deviation over seeds |\n|---|---|---|")
    for kind in mean:
        print(f"| {kind} | {mean[kind]:.4f} | {spread[kind]:.4f} |")
    clean = mean.pop("clean")
    print("\nERRORS =", {kind: round(error, 2) for kind, error in mean.items()})
    print("EXCESS_ERRORS =", {kind: round(error - 5 * clean, 2) for kind, error in mean.items()})


def deviation(values: list[float]) -> float:
    """The standard deviation of a sample."""
    return float(np.std(values, ddof=1))


if __name__ == "__main__":
    main()
