"""What each method did to everything that was measured, of safety and of capability."""

import polars as pl

from analysis.audit.schema import EXTERNALITIES, conformed
from analysis.audit.verdicts import Audit
from analysis.schema import CLAIM


def externalities(found: Audit) -> pl.DataFrame:
    """A row per method and measurement: T with its interval and direction, D, and the label where one was given, as the
    table EXTERNALITIES.

    direction: up, down or unclear, by whether the 95 % interval of T leaves 0 out (uncorrected: these are side effects,
    not claims).
    """
    up, down = pl.col("total_lower") > 0, pl.col("total_upper") < 0
    direction = pl.when(up).then(pl.lit("up")).when(down).then(pl.lit("down")).otherwise(pl.lit("unclear"))
    labels = found.verdicts.select(*CLAIM, "label", "qualifier")
    rows = found.effects.filter(match="epochs").with_columns(direction=direction)
    return conformed(rows.join(labels, on=CLAIM, how="left"), EXTERNALITIES)
