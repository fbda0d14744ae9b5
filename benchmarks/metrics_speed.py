"""CPU milliseconds of each metric, with each score, on one cell: 2,000 examples of 10 classes with 128 features.

A quarter are outliers; the reference has 1,000 training and 500 validation images. Median of 5. CPU time, so that other
work on the machine counts little.

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/metrics_speed.py
"""

import time
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from pipelines import parts
from pipelines.metrics._corruptions import ERRORS
from pipelines.metrics._scores import Score
from pipelines.outcomes import Outcomes, Unmeasurable

EXAMPLES, CLASSES, FEATURES, TRAINING, VALIDATION, REPEATS = 2000, 10, 128, 1000, 500, 5
PACKAGE = "pipelines.metrics"


def cell() -> Outcomes:
    """Random outcomes, with all that any metric of images asks for."""
    rng = np.random.default_rng(0)
    layer = rng.normal(0, 1, (FEATURES, CLASSES))

    def rows(count: int) -> Outcomes:
        truth = rng.integers(0, CLASSES, count)
        features = (layer.T[truth] / 4 + rng.normal(0, 1, (count, FEATURES))).astype(np.float32)
        none = np.full(count, -1)
        return Outcomes((features @ layer / 8).astype(np.float32), truth, np.arange(count), none, none, (), features)

    shown, reference = rows(EXAMPLES), rows(TRAINING + VALIDATION)
    where = np.repeat([0, 1], [TRAINING, VALIDATION])
    values = {name: rng.random(EXAMPLES).astype(np.float32) for name in ("aleatoric", "mutual_information")}
    recorded = ("verified", "certified_radius", "localisation", "randomised_agreement")
    areas = ("deletion_area", "insertion_area", "random_area")
    values |= {name: rng.random(EXAMPLES).astype(np.float32) for name in (*recorded, *areas)}
    frame = np.arange(EXAMPLES) % 2
    values |= {"frame": frame.astype(np.float32), "compared_with": frame.astype(np.float32) - 1}
    values |= {"right_when_clean": (rng.random(EXAMPLES) < 0.8).astype(np.float32)}
    corruptions = tuple(f"{kind} {severity}" for kind in ERRORS for severity in range(1, 6))
    values |= {"members": np.full(EXAMPLES, 3, np.float32), "disagreement": values["aleatoric"]}
    return replace(
        shown,
        examples=np.arange(EXAMPLES) // 2,
        parts=np.arange(EXAMPLES) // 2 % len(corruptions),
        part_names=corruptions,
        labels=np.where(np.arange(EXAMPLES) % 4, shown.labels, -1),
        groups=rng.integers(-1, 4, EXAMPLES),
        values=values,
        reference=replace(reference, parts=where, part_names=("training", "validation")),
    )


def variants(name: str) -> list[dict[str, Any]]:
    """A metric as it comes, and with every other score that it takes."""
    takes_scores = "score" in parts.defaults(parts.factory(PACKAGE, name))
    return [{"score": score} for score in get_args(Score)] if takes_scores else [{}]


def main() -> None:
    """Print the table, and what all of it takes together."""
    outcomes, total, others = cell(), 0.0, list[str]()
    print("| metric | CPU milliseconds |\n|---|---|")
    for name in parts.names(PACKAGE):
        for options in variants(name):
            try:
                metric = parts.load(PACKAGE, name, options)
                metric(outcomes)
            except (parts.WrongOptions, Unmeasurable):
                others.append(name)
                continue
            seconds = []
            for _ in range(REPEATS):
                start = time.process_time()
                metric(outcomes)
                seconds.append(time.process_time() - start)
            total += float(np.median(seconds))
            print(f"| {' '.join([name, *options.values()])} | {1000 * np.median(seconds):.1f} |")
    print(f"| all together | {1000 * total:.0f} |")
    print(f"\nNot timed, as they ask for options, or for what outcomes of images do not have: {', '.join(others)}")
    print(f"\nAll of them for 300 runs on 2 cores: {300 * total / 2:.0f} s")


if __name__ == "__main__":
    main()
