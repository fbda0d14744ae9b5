"""Every metric against an independent implementation: the largest difference over random cells, as a Markdown table.

Each cell has 60 to 400 examples of 3 to 8 classes with groups, outliers, features and a reference; half of them have
logits rounded to whole numbers, so that scores tie. What single conditions record is checked on cells of 765 to 2,040
corrupted images in films of three. The other implementations are in `metric_definitions.py` and
`metric_definitions_beyond.py`.

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/metric_checks.py
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import metric_definitions as defined
import numpy as np
from metric_definitions_beyond import BEYOND, with_values
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

from pipelines import parts
from pipelines.metrics._corruptions import ERRORS, EXCESS_ERRORS
from pipelines.outcomes import Outcomes

CELLS = 30


def cell(seed: int) -> Outcomes:
    """Random outcomes, with all that any metric asks for."""
    rng = np.random.default_rng(seed)
    n, classes, width = int(rng.integers(60, 400)), int(rng.integers(3, 9)), 10
    layer, bias = rng.normal(0, 1, (width, classes)), rng.normal(0, 1, classes)

    def rows(count: int, names: tuple[str, ...] = ()) -> Outcomes:
        truth = rng.integers(0, classes, count)
        features = (1.5 * layer.T[truth] + rng.normal(0, 2, (count, width))).astype(np.float32)
        quarter = (features @ layer + bias) / 4
        logits = (np.round(quarter) if seed % 2 else quarter).astype(np.float32)
        where = np.arange(count) % len(names) if names else np.full(count, -1)
        return Outcomes(logits, truth, np.arange(count), np.full(count, -1), where, names, features)

    shown = rows(n)
    values = {
        "members": np.full(n, 4),
        "aleatoric": rng.random(n),
        "mutual_information": np.round(rng.random(n), 1),
        "disagreement": rng.integers(0, 7, n) / 6,
    }
    return replace(
        shown,
        labels=np.where(rng.random(n) < 0.3, -1, shown.labels),
        groups=rng.integers(-1, 3, n),
        values={name: value.astype(np.float32) for name, value in values.items()},
        reference=rows(400, ("training", "validation")),
    )


def recorded(seed: int) -> Outcomes:
    """Random outcomes under corruptions, in films of three frames, with what other conditions record of an image."""
    rng = np.random.default_rng(seed)
    names = [f"{kind} {severity}" for kind in ERRORS for severity in range(1, 6)]
    parts_, examples, frames = (axis.ravel() for axis in np.indices((len(names), int(rng.integers(3, 9)), 3)))
    n, none = len(parts_), np.full(len(parts_), -1)
    logits, labels = rng.normal(0, 1, (n, 4)).astype(np.float32), rng.integers(0, 4, n)
    areas = {f"{name}_area": rng.gamma(4, 1, n) for name in ("deletion", "insertion", "random")}
    values = areas | {
        "frame": frames,
        "compared_with": frames - 1,
        "right_when_clean": rng.random(n) < 0.8,
        "verified": rng.random(n) < 0.3,
        "certified_radius": np.maximum(rng.normal(0.2, 0.3, n), 0),
        "localisation": rng.random(n),
        "randomised_agreement": rng.uniform(-1, 1, n),
        **{name: rng.random(n) < 0.4 for name in ("reached", "cornered", "broken", "disabled", "worst")},
        **{name: rng.integers(low, high, n) for name, low, high in (("shortest", 4, 10), ("steps", 10, 20))},
        **{name: rng.uniform(low, 1, n) for name, low in (("proxy", 0), ("power_gain", -1))},
        "proxy_best": np.full(n, 2.5),
        "paid": rng.integers(0, 6, n),
        "divergence": np.round(rng.random(n), 1),
    }
    groups = rng.integers(-1, 4, n)
    shown = Outcomes(logits, labels, examples, none, parts_, tuple(names))
    return replace(shown, groups=groups, values={name: value.astype(np.float32) for name, value in values.items()})


def detecting(measure: Callable[[Any, Any], float], score: str) -> Callable[[Outcomes], float]:
    return lambda outcomes: float(measure(outcomes.labels < 0, defined.score_of(outcomes, outcomes, score)))


def aleatoric(outcomes: Outcomes) -> float:
    return float(roc_auc_score(outcomes.groups >= 0, outcomes.values["aleatoric"]))


def gaming(outcomes: Outcomes) -> float:
    return float(roc_auc_score(outcomes.values["paid"] >= 3, outcomes.values["divergence"]))


def epistemic(by: str) -> Callable[[Outcomes], float]:
    def auroc(outcomes: Outcomes) -> float:
        shown = outcomes.rows((outcomes.labels < 0) | (outcomes.groups < 0))
        scores = (
            shown.values["mutual_information"] if by != "density" else defined.score_of(outcomes, shown, "mahalanobis")
        )
        return float(roc_auc_score(shown.labels < 0, scores))

    return auroc


def untouched(outcomes: Outcomes) -> float:
    return float(accuracy_score(outcomes.labels, outcomes.logits.argmax(1)))


def mean(name: str, outcomes: Outcomes) -> float:
    return float(np.mean(outcomes.values[name], dtype=float))


def holds_at(radius: float) -> Callable[[Outcomes, int], bool]:
    return lambda outcomes, row: bool(outcomes.values["certified_radius"][row] >= radius)


Check = tuple[str, dict[str, Any], str, Callable[[Outcomes], float]]
DETECTION = {
    "auroc": ("scikit-learn `roc_auc_score`", roc_auc_score),
    "aupr": ("scikit-learn `average_precision_score`", average_precision_score),
    "fpr_at_95_tpr": ("every threshold in a loop", defined.false_positives),
}
SCORES = {
    "msp": "",
    "max_logit": "",
    "energy": ", SciPy `logsumexp`",
    "mahalanobis": ", `LedoitWolf.mahalanobis`",
    "relative_mahalanobis": ", `LedoitWolf.mahalanobis`",
    "knn": ", `NearestNeighbors`",
    "vim": ", pseudo-inverse and SVD",
}
LABELLED: list[Check] = [  # on the examples of a known class
    ("accuracy", {}, "scikit-learn `accuracy_score`", lambda o: accuracy_score(o.labels, o.logits.argmax(1))),
    ("accuracy_gap", {}, "a loop over groups", defined.group_gap),
    ("aleatoric_auroc", {}, "scikit-learn `roc_auc_score`", aleatoric),
    ("area_under_generalised_risk_coverage", {}, "trapezoids over coverages", defined.generalised),
    ("area_under_risk_coverage", {}, "a loop over coverages", defined.risk_coverage),
    ("average_confidence_error", {}, "its definition", lambda o: abs(defined.over(o))),
    ("backoff_information", {}, "every threshold in a loop", defined.information),
    ("brier_score", {}, "a loop over examples and classes", defined.brier),
    ("cue_conflict_coverage", {}, "a loop over examples", defined.coverage),
    ("difference_of_confidences_error", {}, "its definition", defined.on_confidences),
    ("error_detection_auroc", {}, "scikit-learn `roc_auc_score`", defined.error_detection),
    ("excess_area_under_risk_coverage", {}, "a loop over coverages, twice", defined.excess),
    ("expected_calibration_error", {"per_bin": 25}, "a loop over bins", defined.expected_calibration),
    ("expected_calibration_error", {"equal_width": 10}, "a loop over bins", defined.equal_width_calibration),
    ("member_disagreement_error", {}, "its definition", defined.on_members),
    ("negative_log_likelihood", {}, "scikit-learn `log_loss`", defined.log_likelihood),
    ("overconfidence", {}, "its definition", defined.over),
    ("residual_risk", {}, "every threshold in a loop", defined.residual("msp")),
    ("rms_calibration_error", {"per_bin": 25}, "a loop over bins", defined.rms_calibration),
    ("rms_calibration_error", {"per_bin": 25, "debiased": True}, "a loop over bins", defined.debiased_calibration),
    ("selective_risk", {}, "a loop over coverages", defined.selective),
    ("shape_bias", {}, "a loop over examples", defined.shape),
    ("thresholded_confidence_error", {}, "its definition", defined.on_threshold),
    ("worst_group_accuracy", {}, "a loop over groups", lambda o: min(defined.group_accuracies(o))),
]
BESIDE_OUTLIERS: list[Check] = [
    ("epistemic_auroc", {}, "scikit-learn `roc_auc_score`", epistemic("mutual_information")),
    ("epistemic_auroc", {"by": "density"}, "the same, `LedoitWolf.mahalanobis`", epistemic("density")),
    ("residual_risk", {}, "every threshold in a loop, outliers", defined.residual("msp")),
    ("residual_risk", {"score": "knn"}, "the same, `NearestNeighbors`", defined.residual("knn")),
    *(
        (name, {"score": score}, against + how, detecting(measure, score))
        for name, (against, measure) in DETECTION.items()
        for score, how in SCORES.items()
    ),
]
RECORDED: list[Check] = [
    ("attack_success_rate", {}, "a loop over examples", lambda o: defined.conflicts(o)[1] / defined.conflicts(o)[2]),
    ("attribution_sanity", {}, "a loop over right answers", defined.mean_of("randomised_agreement")),
    (
        "average_certified_radius",
        {},
        "NumPy `mean`",
        lambda o: mean("certified_radius", o),
    ),
    ("benign_accuracy", {}, "scikit-learn `accuracy_score`", lambda o: untouched(o.rows(o.groups < 0))),
    ("certified_accuracy", {"radius": 0.3}, "a loop over examples", defined.share(holds_at(0.3))),
    (
        "clean_accuracy",
        {},
        "a loop over examples",
        lambda o: mean("right_when_clean", o),
    ),
    ("deletion_gain", {}, "a loop over right answers", defined.gain("deletion", -1)),
    ("flip_rate", {}, "a loop over films", defined.flip),
    ("insertion_gain", {}, "a loop over right answers", defined.gain("insertion", 1)),
    ("last_group_accuracy", {}, "scikit-learn `accuracy_score`", lambda o: untouched(o.rows(o.groups == 3))),
    ("localisation", {}, "a loop over right answers", defined.mean_of("localisation")),
    *((name, {}, "a loop over episodes", defined.of_episodes(value)) for name, value in defined.EPISODES.items()),
    ("gaming_auroc", {}, "scikit-learn `roc_auc_score`", gaming),
    ("mean_value", {"of": "localisation"}, "a loop over examples", lambda o: mean("localisation", o)),
    (
        "looseness",
        {},
        "the difference of two accuracies",
        lambda o: untouched(o) - mean("verified", o),
    ),
    ("mean_corruption_error", {}, "a loop over corruptions", defined.corruption_error(ERRORS, clean=False)),
    ("relative_corruption_error", {}, "a loop over corruptions", defined.corruption_error(EXCESS_ERRORS, clean=True)),
    ("verified_accuracy", {}, "a loop over examples", defined.share(lambda o, row: bool(o.values["verified"][row]))),
]


def main() -> None:
    """Print the table; a metric that nothing checks is listed as such."""
    cells = [cell(seed) for seed in range(CELLS)]
    labelled = [each.inliers() for each in cells]
    rows = []
    of_conditions = [recorded(seed) for seed in range(CELLS)]
    beyond = [with_values(each, seed) for seed, each in enumerate(labelled)]
    every = ((LABELLED, labelled), (BESIDE_OUTLIERS, cells), (RECORDED, of_conditions), (BEYOND, beyond))
    for checks, shown in every:
        for name, options, against, function in checks:
            metric = parts.load("pipelines.metrics", name, options)
            difference = max(abs(metric(each).value - function(each)) for each in shown)
            given = ", ".join(f"{option} {value}" for option, value in options.items())
            rows.append(f"| {name}{f' ({given})' if given else ''} | {against} | {difference:.1e} |")
    checked = {name for checks, _ in every for name, *_ in checks}
    rows += [f"| {name} | nothing yet | |" for name in parts.names("pipelines.metrics") if name not in checked]
    print("\n".join(["| metric | checked against | largest difference |", "|---|---|---|", *sorted(rows)]))


if __name__ == "__main__":
    main()
