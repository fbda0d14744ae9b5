"""A metric on a model's outcomes, for each part and over all of them."""

from collections.abc import Callable, Mapping

from pipelines.outcomes import Measured, Outcomes, Unmeasurable

ALL = "all"

Metric = Callable[[Outcomes], Measured]


def measure(outcomes: Outcomes, metric: Metric) -> dict[str, Measured | Unmeasurable]:
    """The value for "all" and for each named part, or the reason why there is none.

    Without parts "all" is the metric on every row; with parts it is the mean over them (`mean_over_parts`).
    Raises ValueError where a part is itself named "all".
    """
    if ALL in outcomes.part_names:
        raise ValueError(f"a part is named {ALL!r}, the name of the mean over parts")
    if not outcomes.part_names:
        return {ALL: measured_or_reason(outcomes, metric)}
    parts = {name: measured_or_reason(rows, metric) for name, rows in outcomes.by_part()}
    return {ALL: mean_over_parts(parts, len(outcomes)), **parts}


def measured_or_reason(outcomes: Outcomes, metric: Metric) -> Measured | Unmeasurable:
    """The metric's value, or the reason why it has none."""
    try:
        return metric(outcomes)
    except Unmeasurable as reason:
        return Unmeasurable(str(reason))


def mean_over_parts(parts: Mapping[str, Measured | Unmeasurable], rows: int) -> Measured | Unmeasurable:
    """The mean of the parts' values, each part weighing the same; unmeasurable where one part is.

    Its standard error is the mean of the parts' own: exact where the parts rise and fall together, an upper bound
    otherwise (parts may share examples, so no root of their number is taken). n is the sum, at most all rows.
    """
    values = []
    for name, part in parts.items():
        if isinstance(part, Unmeasurable):
            return Unmeasurable(f"part {name!r}: {part}")
        values.append(part)
    errors = [part.standard_error for part in values if part.standard_error is not None]
    return Measured(
        value=sum(part.value for part in values) / len(values),
        standard_error=sum(errors) / len(errors) if len(errors) == len(values) else None,
        n=min(sum(part.n for part in values), rows),
    )
