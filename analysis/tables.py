"""The tables of the analysis, and of what it is made from: names and types of their columns, and the columns that
identify a row.
"""

import polars as pl

from analysis.schema import CLAIM, RUN, TASK, Table

_TASK: dict[str, pl.DataType | type[pl.DataType]] = dict.fromkeys(TASK, pl.String)

BASELINE = "standard"  # the method that every other is compared with
PILLARS = ("robustness", "monitoring", "alignment", "systemic safety")  # Hendrycks et al. 2021, arXiv 2109.13916
FACTS: dict[str, pl.DataType | type[pl.DataType]] = {  # what a metric declares of its values
    "higher_is_better": pl.Boolean,
    "lower": pl.Float64,  # of the range; null, as `upper` is, where none is declared: in tables measured elsewhere
    "upper": pl.Float64,
    "chance": pl.Float64,  # the value of uninformed outcomes, where there is one for all
    "target": pl.Float64,  # the best value, where it lies inside the range; closer to it is better
}
RESULTS = Table(
    name="results",
    columns={
        **_TASK,
        "method": pl.String,
        "model": pl.String,  # an architecture at one scale, e.g. resnet-16
        "family": pl.String,  # the architecture, e.g. resnet
        "parameters": pl.Int64,
        "flops": pl.Float64,  # of the whole training
        "seed": pl.Int64,
        "step": pl.Int64,  # training step at which it was measured
        "measurement": pl.String,  # condition/metric
        "metric": pl.String,
        "condition": pl.String,
        "part": pl.String,  # "all", or one part of the condition (a corruption at a severity, a family of outliers)
        "axis": pl.String,  # capability or safety
        "pillar": pl.String,  # of a safety measurement: robustness, monitoring, alignment or systemic safety
        **FACTS,
        "value": pl.Float64,
        "standard_error": pl.Float64,  # over test examples
        "n": pl.Int64,  # test examples
        "flags": pl.String,  # validity flags, comma-separated; empty where none
    },
    key=(*RUN, "step", "measurement", "part"),
    nullable=("parameters", "flops", "pillar", "lower", "upper", "chance", "target", "standard_error", "n"),
    infinite=("lower", "upper"),
)

CAPABILITY = Table(
    name="capability",
    columns={
        **_TASK,
        "method": pl.String,
        "model": pl.String,
        "family": pl.String,
        "parameters": pl.Int64,
        "flops": pl.Float64,
        "seed": pl.Int64,
        "step": pl.Int64,
        "score_name": pl.String,
        "score": pl.Float64,
    },
    key=(*RUN, "step", "score_name"),
    nullable=("parameters", "flops"),
)

CAPABILITY_WEIGHTS = Table(
    name="capability_weights",
    columns={
        **_TASK,
        "score_name": pl.String,
        "measurement": pl.String,
        "mean": pl.Float64,  # of the oriented measurement over the standard runs
        "standard_deviation": pl.Float64,
        "weight": pl.Float64,  # of the standardised measurement
        "explained": pl.Float64,  # the component's share of the variance
    },
    key=(*TASK, "score_name", "measurement"),
)

CORRELATIONS = Table(
    name="correlations",
    columns={
        **_TASK,
        "score_name": pl.String,
        "measurement": pl.String,
        "pillar": pl.String,
        "population": pl.String,  # ladder, methods or pooled
        "estimate": pl.Float64,  # Spearman's correlation
        "low": pl.Float64,
        "high": pl.Float64,
        "n": pl.Int64,  # runs; in the population "methods", cells of method and model
        "families": pl.Int64,
        "rough": pl.Boolean,  # fewer than 8 families: the interval is only a hint
    },
    key=(*TASK, "score_name", "measurement", "population"),
    nullable=("pillar", "low", "high"),
)

EFFECTS = Table(
    name="effects",
    columns={
        **_TASK,
        "method": pl.String,
        "measurement": pl.String,  # or the name of a capability score
        "axis": pl.String,
        "pillar": pl.String,
        "effect": pl.Float64,  # difference to standard in the measurement's unit, up = better or safer
        "standard_error": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "standardised": pl.Float64,  # in standard deviations of the standard runs
        "standardised_low": pl.Float64,
        "standardised_high": pl.Float64,
        "clusters": pl.String,  # what the interval is over: models, seeds (a single model), or none (a single pair)
        "pairs": pl.Int64,
        "models": pl.Int64,
        "unpaired": pl.Int64,  # the method's runs with no standard run of the same model and seed to hold them against
        "flagged": pl.Int64,  # pairs in which either value carries a validity flag
    },
    key=CLAIM,
    nullable=(
        "pillar",
        "effect",
        "standard_error",
        "low",
        "high",
        "standardised",
        "standardised_low",
        "standardised_high",
    ),
)

RELIABILITY = Table(
    name="reliability",
    columns={
        **_TASK,
        "score_name": pl.String,
        "over": pl.String,  # examples (split-half) or seeds
        "reliability": pl.Float64,
        "runs": pl.Int64,
    },
    key=(*TASK, "score_name", "over"),
    nullable=("reliability",),
)

RISKS = Table(
    name="risks",
    columns={
        **_TASK,
        "method": pl.String,
        "hazard": pl.String,  # a condition
        "exposure": pl.Float64,  # how often its inputs come, times the harm of one that passes
        "vulnerability": pl.Float64,  # the share of its inputs that pass every barrier
        "low": pl.Float64,
        "high": pl.Float64,
        "risk": pl.Float64,  # exposure x vulnerability
        "models": pl.Int64,
        "runs": pl.Int64,
    },
    key=(*TASK, "method", "hazard"),
    nullable=("low", "high"),
)

_AGREEING = {**_TASK, "method": pl.String, "condition": pl.String}  # a pair of runs, or one, under a condition

AGREEMENT = Table(
    name="agreement",
    columns={
        **_AGREEING,
        "shifted": pl.Boolean,  # whether the condition shifts the images
        "first": pl.String,
        "second": pl.String,
        "agreement": pl.Float64,  # the share of labelled rows that both answer alike
        "first_accuracy": pl.Float64,
        "second_accuracy": pl.Float64,
        "n": pl.Int64,
    },
    key=(*TASK, "method", "condition", "first", "second"),
)

AGREEMENT_LINE = Table(
    name="agreement_line",
    columns={
        **_AGREEING,
        "run": pl.String,
        "unshifted_accuracy": pl.Float64,
        "predicted": pl.Float64,  # accuracy under the condition, without its labels
        "accuracy": pl.Float64,
        "slope": pl.Float64,  # of agreement shifted on agreement unshifted, in probits
        "r_squared": pl.Float64,
        "on_the_line": pl.Boolean,  # whether R squared is high enough for the prediction to count
    },
    key=(*TASK, "method", "condition", "run"),
)

FIELDS: dict[str, pl.DataType | type[pl.DataType]] = {  # of what an entry of the store was made with
    **dict.fromkeys(("python", "torch", "timm", "torchvision", "numpy", "diffprog"), pl.String),
    **dict.fromkeys(("system", "processor", "vector_units", "device"), pl.String),
    "threads": pl.Int64,
    "commit": pl.String,
    "dirty": pl.Boolean,  # whether the working tree had changes that were not committed
}
_MADE = {**_TASK, "method": pl.String}

PROVENANCE = Table(
    name="provenance",
    columns={
        **_MADE,
        "model": pl.String,
        "seed": pl.Int64,
        "step": pl.Int64,  # of the run, or of its checkpoint
        "stage": pl.String,  # train, predict or measure
        "environment": pl.String,  # JSON with sorted keys: those of FIELDS that are known
    },
    key=(*RUN, "step", "stage", "environment"),
)

ENVIRONMENTS = Table(
    name="environments",
    columns={**_TASK, "stage": pl.String, **FIELDS, "runs": pl.Int64},
    key=(*TASK, "stage", *FIELDS),
    nullable=tuple(FIELDS),
)

CROSSINGS = Table(
    name="crossings",
    columns={
        **_MADE,
        "field": pl.String,  # in which runs differ from the standard runs that they are paired with
        "crossing": pl.Int64,  # pairs whose two runs were not both made with one and the same value of it
        "pairs": pl.Int64,
    },
    key=(*TASK, "method", "field"),
)

LEDGER = Table(
    name="ledger",
    columns={
        "method": pl.String,
        "planned": pl.Int64,
        "finished": pl.Int64,
        "failed": pl.Int64,
        "flagged": pl.Int64,  # finished, with a validity flag on a value
        "p": pl.Float64,  # that the method's runs fail as often as the others
    },
    key=("method",),
    nullable=("p",),
)
