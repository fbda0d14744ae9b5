"""Looks: a study that is judged while it grows, each time at a share of its levels that was fixed before the run."""

from dataclasses import dataclass
from math import sqrt

import polars as pl
from scipy import stats

from analysis.audit.families import KINDS
from analysis.audit.settings import AuditSettings
from analysis.schema import CLAIM, Row

PRICE = ("p_tax", "p_paid", "p_paid_epochs", "p_safer")  # of what a gain costs
# what a verdict is decided by: q-values of each kind of claim, the star's p, and the p-values of what a gain costs
TESTS = (*(f"q_{kind}" for kind in (*KINDS, "neutral")), "p_family_wise", *PRICE)
OPEN = ("UNDETERMINED", "GAIN, SIZE OPEN")  # labels that more runs may change
HELD = (*CLAIM, *TESTS, "label", "look")  # of the table VERDICTS: what the next look goes on from


@dataclass(frozen=True)
class Look:
    """One of a study's looks: its number from 1 on, its share of every level, what the look before found (HELD), and
    the methods that have no runs of their own since: they are not tested again.
    """

    number: int
    share: float
    earlier: pl.DataFrame | None = None
    waiting: frozenset[str] = frozenset()


def at_look(rows: pl.DataFrame, look: Look) -> pl.DataFrame:
    """Claims with TESTS as they are held against the whole levels: each divided by the look's share, and the least of
    this look's and the earlier ones'. So what was found stays found, and the false discovery rate of all looks
    together is at most the sum of theirs, whatever the dependence between them. level_*: of this look.
    """
    waits = pl.col("method").is_in(list(look.waiting))
    now = [pl.when(~waits).then((pl.col(name) / look.share).clip(upper_bound=1.0)).alias(name) for name in TESTS]
    levels = [pl.col(f"level_{kind}") * look.share for kind in KINDS]
    rows = rows.with_columns(*now, *levels)
    if look.earlier is None:
        return rows
    earlier = look.earlier.select(*CLAIM, pl.col(TESTS).name.suffix("_earlier"))
    rows = rows.join(earlier, on=CLAIM, how="left", maintain_order="left")
    least = [pl.min_horizontal(name, f"{name}_earlier").alias(name) for name in TESTS]
    return rows.with_columns(least).drop(pl.selectors.ends_with("_earlier"))


def first_judged(rows: pl.DataFrame, look: Look | None, settings: AuditSettings) -> pl.DataFrame:
    """The claims that rest on this look alone: of methods that do not wait, and nothing found by an earlier look.
    Others have their label whatever this look's results are.
    """
    if look is None:
        return rows
    rows = rows.filter(~pl.col("method").is_in(list(look.waiting)))
    if look.earlier is None:
        return rows
    rate = settings.false_discovery_rate
    found = look.earlier.filter(pl.any_horizontal(pl.col(f"q_{kind}") <= rate for kind in KINDS))
    return rows.join(found.select(CLAIM), on=CLAIM, how="anti", maintain_order="left")


def since(rows: pl.DataFrame, look: Look) -> pl.DataFrame:
    """The claims with `look`, the one since which they have had their label."""
    if look.earlier is None:
        return rows.with_columns(look=pl.lit(look.number, pl.Int64))
    earlier = look.earlier.select(*CLAIM, label_earlier="label", look_earlier="look")
    same = (pl.col("label") == pl.col("label_earlier")).fill_null(False)
    number = pl.when(same).then("look_earlier").otherwise(look.number).cast(pl.Int64)
    rows = rows.join(earlier, on=CLAIM, how="left", maintain_order="left").with_columns(look=number)
    return rows.drop("label_earlier", "look_earlier")


def chance(row: Row, growth: float, share: float, settings: AuditSettings) -> float | None:
    """The chance that an open claim gets another label once its method has `growth` times its runs, at a look whose
    share is `share` times that of the row's; None where it has no estimate yet.

    A normal approximation: the variances shrink by `growth`, and the later estimate lies around the present one with
    the variance that is lost (its predictive distribution, no effect being likelier than another beforehand). Of each
    label the least likely test counts, of the labels the likeliest.
    """
    if any(row[name] is None for name in ("total", "capability", "beyond", "beyond_se", "margin")):
        return None
    total, capability, beyond, margin = (float(row[name]) for name in ("total", "capability", "beyond", "margin"))

    def passes(distance: float, name: str, kind: str) -> float:
        level = min(settings.alpha, float(row[f"level_{kind}"] or 0.0) * share)
        error = max(float(row[f"{name}_se"]), 1e-12)
        needed = float(stats.norm.isf(level)) * error / sqrt(growth)
        return float(stats.norm.cdf((distance - needed) / max(error * sqrt(1 - 1 / growth), 1e-12)))

    inside = margin - abs(beyond)
    found = {
        "gain": passes(beyond - margin, "beyond", "gain"),
        "null": min(passes(inside, "beyond", "null"), passes(margin - abs(total), "total", "null")),
        "wash": min(
            passes(inside, "beyond", "wash"),
            passes(total, "total", "wash"),
            passes(capability, "capability", "wash"),
        ),
        "loss": passes(-margin - total, "total", "loss"),
    }
    if row["label"] == "UNDETERMINED":
        found["sign"] = min(passes(beyond, "beyond", "sign"), passes(total, "total", "sign"))
        found["none"] = passes(margin - beyond, "beyond", "none")
    return max(found.values())
