"""What a study's runs were made with, and which comparisons cross from one environment to another.

Versions, processors and devices are in no key: two runs of a pair may have been made on different ones, and a part of
their difference may come of that.
"""

import polars as pl

from analysis.schema import TASK, TableError, checked
from analysis.tables import BASELINE, CROSSINGS, ENVIRONMENTS, FIELDS, PROVENANCE

PAIR = [*TASK, "model", "seed"]
RUN = [*PAIR, "method"]
STATE = ("commit", "dirty")  # of the source: what of it counts is in the keys
COMPARED = tuple(name for name in FIELDS if name not in STATE)


def environments(provenance: pl.DataFrame) -> pl.DataFrame:
    """The table ENVIRONMENTS: each environment that a stage ran in, with how many runs it made or measured."""
    known = [*TASK, "stage", *FIELDS]
    runs = pl.struct("method", "model", "seed").n_unique().cast(pl.Int64)
    return checked(_decoded(provenance).group_by(known).agg(runs=runs), ENVIRONMENTS)


def crossings(provenance: pl.DataFrame) -> pl.DataFrame:
    """The table CROSSINGS: a row for each method and field in which a pair of runs crosses.

    A pair (a method's run and the standard run of the same model and seed, each at its last step) crosses in a field
    where, in one of the stages, the two were made with more than one value of it. What is not recorded does not count.
    """
    last = _decoded(provenance).filter(pl.col("step") == pl.col("step").max().over(RUN))
    fields = (
        last.select(*RUN, "stage", *(pl.col(name).cast(pl.String) for name in COMPARED))
        .unpivot(on=COMPARED, index=[*RUN, "stage"], variable_name="field")
        .drop_nulls("value")
        .group_by(*RUN, "stage", "field")
        .agg(first=pl.col("value").min(), last=pl.col("value").max())
    )
    own, standard = (fields.filter((pl.col("method") == BASELINE) == base) for base in (False, True))
    both = own.join(standard.drop("method"), on=[*PAIR, "stage", "field"], suffix="_standard")
    ends = pl.min_horizontal("first", "first_standard") != pl.max_horizontal("last", "last_standard")
    found = both.filter(ends).group_by(*TASK, "method", "field").agg(crossing=pl.struct("model", "seed").n_unique())
    runs = last.select(RUN).unique()
    paired = runs.filter(pl.col("method") != BASELINE).join(runs.filter(method=BASELINE), on=PAIR, how="semi")
    counts = paired.group_by(*TASK, "method").agg(pairs=pl.len())
    joined = found.join(counts, on=[*TASK, "method"])
    return checked(joined.with_columns(pl.col("crossing", "pairs").cast(pl.Int64)), CROSSINGS)


def _decoded(provenance: pl.DataFrame) -> pl.DataFrame:
    """The table PROVENANCE with the fields of each environment as columns."""
    rows = checked(provenance, PROVENANCE)
    try:
        fields = rows["environment"].str.json_decode(pl.Struct(FIELDS))
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{PROVENANCE.name}: column 'environment' holds what is not JSON of its fields") from error
    return rows.drop("environment").hstack(fields.struct.unnest())
