"""A metric on a model's outcomes, for each part and over all of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines import parts
from pipelines.outcomes import Measured, Outcomes, Unmeasurable
from pipelines.scaling import with_temperature

ALL = "all"
DRAWS = 200  # of test examples, the same for all runs: they give a standard error to one part in twenty

Metric = Callable[[Outcomes], Measured]
Rows = NDArray[np.bool_]
Ends = tuple[float, float]
ROUNDING = 1e-6  # of values in float32


def needs(name: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """What a metric with these options, defaults included, needs of the outcomes: its `needs(options)` where it has
    that function, its NEEDS otherwise.
    """
    module = parts.module("pipelines.metrics", name)
    of_options: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = getattr(module, "needs", None)
    if of_options:
        return of_options(options)
    found: tuple[str, ...] = _declared(module, "NEEDS", "a tuple of names", _names)
    return found


def modules(name: str) -> list[str]:
    """The modules whose code decides a metric's values and their deviations."""
    return ["pipelines.measuring", f"pipelines.metrics.{name}"]


class Facts(NamedTuple):
    """What a metric declares of its values: RANGE, from `lower` to `upper`, HIGHER_IS_BETTER, CHANCE, the value of
    uninformed outcomes where there is one for all, and TARGET, the best value where it lies inside the range: closer to
    it is then better, and the distance from it is an error.
    """

    higher_is_better: bool
    lower: float
    upper: float
    chance: float | None
    target: float | None


def declared(name: str) -> Facts:
    """The facts of a metric. Raises BrokenPart where it does not declare them."""
    module = parts.module("pipelines.metrics", name)
    better: bool = _declared(module, "HIGHER_IS_BETTER", "True or False", lambda given: isinstance(given, bool))
    lower, upper = _declared(module, "RANGE", "its least and its greatest value", _ends)

    def inside(given: Any) -> bool:
        return given is None or (_number(given) and lower <= given <= upper)

    chance: float | None = _declared(module, "CHANCE", "None or a number within RANGE", inside)
    target: float | None = None
    if hasattr(module, "TARGET"):
        target = _declared(module, "TARGET", "None or a number within RANGE", inside)
    return Facts(better, lower, upper, chance, target)


def _declared(module: ModuleType, name: str, accepted: str, fits: Callable[[Any], bool]) -> Any:
    """What a metric's module declares."""
    package, _, metric = module.__name__.rpartition(".")
    if not hasattr(module, name):
        raise parts.BrokenPart(f"{parts.file(package, metric)}: {name} is missing: {accepted}")
    if not fits(found := getattr(module, name)):
        raise parts.BrokenPart(f"{parts.file(package, metric)}: {name} is {found!r}, not {accepted}")
    return found


def _names(given: Any) -> bool:
    return isinstance(given, tuple | list) and all(isinstance(each, str) for each in given)


def _ends(given: Any) -> bool:
    return isinstance(given, tuple | list) and len(given) == 2 and all(map(_number, given)) and given[0] < given[1]


def _number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and not math.isnan(given)


def values_of(
    outcomes: Outcomes, name: str, options: Mapping[str, Any], draws: NDArray[np.float64], *, scaled: bool
) -> tuple[dict[str, Any], list[float] | None]:
    """A metric's values as they are stored, `[value, standard error, n]` or the reason why there is none, for "all" and
    for each named part; and the deviations of the former over draws of the test examples, where they are known.
    """
    facts = declared(name)
    metric: Metric = parts.load("pipelines.metrics", name, options)
    found = measure(outcomes, metric, scaled=scaled, within=(facts.lower, facts.upper))
    values = {
        part: [got.value, got.standard_error, got.n] if isinstance(got, Measured) else str(got)
        for part, got in found.items()
    }
    whole = found[ALL]
    if not isinstance(whole, Measured) or whole.influence is None:
        return values, None
    return values, [float(f"{deviation:.5g}") for deviation in whole.influence @ draws]


def measure(
    outcomes: Outcomes, metric: Metric, *, scaled: bool = False, within: Ends = (-math.inf, math.inf)
) -> dict[str, Measured | Unmeasurable]:
    """The value for "all" and for each named part, or the reason why there is none; `scaled`: on logits divided by the
    temperature of the outcomes' reference; `within`: the ends of the metric's range.

    Without parts "all" is the metric on every row; with parts it is the mean over them (`mean_over_parts`).
    Raises ValueError where a part is itself named "all".
    """
    if ALL in outcomes.part_names:
        raise ValueError(f"a part is named {ALL!r}, the name of the mean over parts")
    if scaled:
        try:
            outcomes = with_temperature(outcomes)
        except Unmeasurable as reason:
            return {ALL: reason}
    if not outcomes.part_names:
        return {ALL: by_example(outcomes, measured_or_reason(outcomes, metric, within))}
    rows = {name: outcomes.in_part(index) for index, name in enumerate(outcomes.part_names)}
    parts = {name: measured_or_reason(outcomes.rows(keep), metric, within) for name, keep in rows.items()}
    return {ALL: mean_over_parts(outcomes, parts, rows), **parts}


def measured_or_reason(outcomes: Outcomes, metric: Metric, within: Ends) -> Measured | Unmeasurable:
    """The metric's value, or the reason why it has none."""
    try:
        measured = metric(outcomes)
    except Unmeasurable as reason:
        return Unmeasurable(str(reason))
    wrong = what_is_wrong(measured, within)
    return Unmeasurable(wrong) if wrong else measured


def what_is_wrong(measured: Measured, within: Ends) -> str:
    """Why a metric's number is no value: it, its standard error or an influence is not finite, or it lies outside the
    range by more than rounding; empty where nothing is wrong.
    """
    lower, upper = within
    if not math.isfinite(measured.value):
        return f"the metric returned {measured.value:g}, not a finite number"
    if not lower - ROUNDING <= measured.value <= upper + ROUNDING:
        return f"the metric returned {measured.value:g}, outside its range [{lower:g}, {upper:g}]"
    if measured.standard_error is not None and not math.isfinite(measured.standard_error):
        return f"the metric returned a standard error of {measured.standard_error:g}, not a finite number"
    if measured.influence is not None and not np.isfinite(measured.influence).all():
        return "the metric returned influences that are not finite"
    return ""


def mean_over_parts(
    outcomes: Outcomes, parts: Mapping[str, Measured | Unmeasurable], rows: Mapping[str, Rows]
) -> Measured | Unmeasurable:
    """The mean of the parts' values, each part weighing the same; unmeasurable where one part is. `rows` says which
    rows of the outcomes are in each part. n is the sum, at most all rows.

    Parts may share examples, so the standard error sums influences by example (the sandwich estimate for clusters,
    Liang & Zeger 1986). Where a part has no influences it is the mean of the parts' own errors: an upper bound.
    """
    values = {}
    for name, part in parts.items():
        if isinstance(part, Unmeasurable):
            return Unmeasurable(f"part {name!r}: {part}")
        values[name] = part
    errors = [part.standard_error for part in values.values() if part.standard_error is not None]
    value = sum(part.value for part in values.values()) / len(values)
    n = min(sum(part.n for part in values.values()), len(outcomes))
    if len(errors) < len(values):
        return Measured(value, None, n)
    influence = np.zeros(len(outcomes))
    for name, part in values.items():
        influence[rows[name]] += np.nan if part.influence is None else scaled_to_error(part) / len(values)
    if np.isnan(influence).any():
        return Measured(value, sum(errors) / len(errors), n)
    each = summed_by_example(outcomes, influence)
    return Measured(value, float(np.sqrt(each @ each)), n, influence)


def by_example(outcomes: Outcomes, measured: Measured | Unmeasurable) -> Measured | Unmeasurable:
    """The same with the standard error over examples where a condition shows one several times: influences are summed
    by example, as in `mean_over_parts`.
    """
    if isinstance(measured, Unmeasurable) or measured.standard_error is None or measured.influence is None:
        return measured
    each = summed_by_example(outcomes, scaled_to_error(measured))
    return measured if len(each) == len(outcomes) else replace(measured, standard_error=float(np.sqrt(each @ each)))


def summed_by_example(outcomes: Outcomes, influence: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over the rows of each example."""
    _, example = np.unique(np.stack([outcomes.labels < 0, outcomes.examples]), axis=1, return_inverse=True)
    return np.bincount(example.ravel(), weights=influence).astype(np.float64)


def scaled_to_error(measured: Measured) -> NDArray[np.float64]:
    """Its influences, with the standard error as the root of their summed squares."""
    influence = np.zeros(0) if measured.influence is None else measured.influence
    size = float(np.sqrt(influence @ influence))
    return influence * ((measured.standard_error or 0.0) / size if size > 0 else 0.0)


def example_draws(outcomes: Outcomes, splits: Sequence[str]) -> NDArray[np.float64]:
    """Standard normal weights of each row's example, [rows, DRAWS]: one example has the same ones in every run and
    under every condition that shows it. `splits`: where the labelled rows are from, then the outliers.
    """
    draws = np.empty((len(outcomes), DRAWS))
    outlying = outcomes.labels < 0
    for rows, split in ((~outlying, splits[0]), (outlying, splits[-1])):
        if rows.any():
            examples = outcomes.examples[rows]
            source = np.random.default_rng([*split.encode()])
            draws[rows] = source.standard_normal((int(examples.max()) + 1, DRAWS), dtype=np.float32)[examples]
    return draws
