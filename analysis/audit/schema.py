"""The tables of the audit, as they are stored and shown."""

import polars as pl

from analysis.schema import Table, checked

Types = dict[str, pl.DataType | type[pl.DataType]]

_PLACE: Types = {"domain": pl.String, "dataset": pl.String}
_CLAIM: Types = {**_PLACE, "method": pl.String, "measurement": pl.String}
_ABOUT: Types = {"metric": pl.String, "condition": pl.String, "pillar": pl.String}
_ESTIMATES = tuple(name + end for name in ("total", "capability", "beyond") for end in ("", "_se", "_lower", "_upper"))
_UNITS: Types = {
    "match": pl.String,  # epochs: runs as they were trained; flops: held against the ladder over training FLOPs
    "unit": pl.String,  # what is resampled: model or pair
    # df: of the units, for T and E; in_range: the units that D rests on
    **dict.fromkeys(("units", "pairs", "df", "models", "in_range"), pl.Int64),
    **dict.fromkeys(("total_df", "capability_df", "beyond_df"), pl.Float64),  # of each estimate's standard error
}
_ESTIMATED: Types = {
    "margin": pl.Float64,
    "capability_margin": pl.Float64,
    **_UNITS,
    **dict.fromkeys((*_ESTIMATES, "total_covered", "capability_beyond_correlation", "seed_share"), pl.Float64),
    **dict.fromkeys(("beyond_least", "beyond_most"), pl.Float64),  # D's one-sided ends, each at level alpha
    "p_differential": pl.Float64,  # of D no more than its margin
    "p_above": pl.Float64,  # of D no more than 0
    "p_below": pl.Float64,  # of D no less than its margin
    "p_lost": pl.Float64,  # of D no less than minus its margin
    "p_washing": pl.Float64,  # of D outside its margin, on either side
    "p_safer": pl.Float64,  # of T no more than 0
    "p_loss": pl.Float64,  # of T no less than minus its margin
    "p_total": pl.Float64,  # of T outside its margin
    "p_tax": pl.Float64,  # of E no more than minus its margin
    "p_paid": pl.Float64,  # of E no less than minus its margin
    "p_up": pl.Float64,  # of E no more than 0
    "p_neutral": pl.Float64,  # of E outside its margin
    "p_null": pl.Float64,  # of T or D outside its margin
}
_OPTIONAL = tuple(name for name, dtype in _ESTIMATED.items() if dtype == pl.Float64)
# Of a claim: p-values of the match that is worse for it, at equal epochs for all but gain and sign; p_tax, p_safer,
# p_neutral and p_paid of a verdict are of all matches, too.
_KINDS = ("gain", "sign", "none", "loss", "null", "wash")
_DECIDING = (
    *(name for name in (f"p_{kind}" for kind in _KINDS) if name not in _ESTIMATED),
    *("p_epochs", "p_paid_epochs", "capability_least", "other_match_beyond"),
)
_ADJUSTED = (
    *(f"q_{kind}" for kind in (*_KINDS, "neutral")),
    *(f"level_{kind}" for kind in _KINDS),  # the p-value that one more claim of the kind would need
    *("p_family_wise", "adjusted_lower", "adjusted_upper"),
)
_AGAIN = (
    *("flagged_runs", "label_without_flagged", "total_without_flagged", "beyond_without_flagged"),
    *("label_by_accuracy", "beyond_by_accuracy", "look"),
)

VERDICTS = Table(
    "verdicts",
    {
        **_CLAIM,
        **_ABOUT,
        "alpha": pl.Float64,  # one-sided level of each test; intervals are two-sided at 1 - alpha
        "false_discovery_rate": pl.Float64,  # over all claims of a tier
        "area": pl.String,  # that the measurement stands for; null where the verdict is exploratory
        "placebo": pl.Boolean,
        "higher_is_better": pl.Boolean,
        "scale": pl.String,  # logit, log or identity: of the estimates and margins
        "baseline": pl.Float64,  # the standard runs' mean value, as measured
        "difference": pl.Float64,  # the mean paired difference to standard as measured, up is safer
        **_ESTIMATED,
        **dict.fromkeys(_DECIDING, pl.Float64),
        "tier": pl.String,
        "claimed": pl.Boolean,  # whether the method's authors claim a gain there
        **dict.fromkeys(_ADJUSTED, pl.Float64),
        "starred": pl.Boolean,  # a gain of which the chance of any false one is small, too (Holm)
        **dict.fromkeys(("label", "qualifier", "reason", "label_ungated"), pl.String),
        **dict.fromkeys(("seeds_needed", "models_needed", "flagged_runs"), pl.Int64),
        "look": pl.Int64,  # since which of the study's looks it has its label; null in a study of one look
        "label_without_flagged": pl.String,
        "total_without_flagged": pl.Float64,
        "beyond_without_flagged": pl.Float64,
        "label_by_accuracy": pl.String,  # with clean accuracy alone for the capability score
        "beyond_by_accuracy": pl.Float64,
    },
    ("domain", "dataset", "method", "measurement"),
    nullable=(
        *_OPTIONAL,
        *_DECIDING,
        *_ADJUSTED,
        *_AGAIN,
        "pillar",
        "area",
        "baseline",
        "difference",
        "seeds_needed",
        "models_needed",
    ),
)
SETTINGS = Table(
    "settings",
    {
        "digest": pl.String,  # of `preregistered`; of all tasks, where a study has several
        "alpha": pl.Float64,
        "false_discovery_rate": pl.Float64,
        "draws": pl.Int64,
        "preregistered": pl.String,  # JSON: every choice of the audit, canonical (analysis.audit.preregistration)
    },
    ("digest",),
)
ESTIMATES = Table(
    "estimates",
    {**_CLAIM, **_ABOUT, "axis": pl.String, **_ESTIMATED},
    ("domain", "dataset", "method", "measurement", "match"),
    nullable=(*_OPTIONAL, "pillar"),
)
LADDER = Table(
    "ladder",
    {
        **_PLACE,
        "measurement": pl.String,
        **dict.fromkeys(("capability", "safety", "lower", "upper"), pl.Float64),
        "curved": pl.Boolean,
        **dict.fromkeys(("p_curved", "reliability"), pl.Float64),
    },
    ("domain", "dataset", "measurement", "capability"),
    nullable=("lower", "upper", "p_curved"),
)
_RESTATED = ("r2", "r2_lower", "r2_upper", "rho_ladder", "rho_lower", "rho_upper", "rho_method", "rho_pooled")
_COUPLED = ("coupled_lower", "coupled_upper", "p_coupled")
RESTATEMENTS = Table(
    "restatements",
    {
        **_PLACE,
        **dict.fromkeys(("measurement", "metric", "label"), pl.String),
        "rungs": pl.Int64,
        **dict.fromkeys((*_RESTATED, *_COUPLED), pl.Float64),
    },
    ("domain", "dataset", "measurement"),
    nullable=("label", *_RESTATED, *_COUPLED),
)
PILLARS = Table(
    "pillars",
    {
        **_PLACE,
        "method": pl.String,
        "pillar": pl.String,
        "measurements": pl.Int64,
        **dict.fromkeys(("beyond", "beyond_lower", "beyond_upper"), pl.Float64),  # in margins
    },
    ("domain", "dataset", "method", "pillar"),
)
GATES = Table(
    "gates",
    {**_CLAIM, "gate": pl.String, "passed": pl.Boolean, "blocking": pl.Boolean, "detail": pl.String},
    ("domain", "dataset", "method", "measurement", "gate"),
)
MARGINS = Table(
    "margins",
    {
        **_PLACE,
        "measurement": pl.String,
        "margin": pl.Float64,
        "source": pl.String,
        "doubling": pl.Float64,  # what one doubling of training compute does to standard runs; null where not known
        "default": pl.Float64,  # the margin where none is given
    },
    ("domain", "dataset", "measurement"),
    nullable=("doubling",),
)
_EXTERNAL = ("total", "total_lower", "total_upper", "beyond", "beyond_lower", "beyond_upper")
EXTERNALITIES = Table(
    "externalities",
    {
        **_CLAIM,
        "axis": pl.String,
        "pillar": pl.String,
        **dict.fromkeys(_EXTERNAL, pl.Float64),
        "pairs": pl.Int64,
        **dict.fromkeys(("direction", "label", "qualifier"), pl.String),
    },
    ("domain", "dataset", "method", "measurement"),
    nullable=("pillar", *_EXTERNAL, "label", "qualifier"),
)
FRAGILITY = Table(
    "fragility",
    {
        **_CLAIM,
        "of": pl.String,  # model, family or seed
        "fewest": pl.Int64,  # without which the label is another; null where no few of them change it
        "removed": pl.String,  # their names
        "label_then": pl.String,
    },
    ("domain", "dataset", "method", "measurement", "of"),
    nullable=("fewest", "removed", "label_then"),
)
COMPARISONS = Table(
    "comparisons",
    {
        **_PLACE,
        "method": pl.String,
        "other": pl.String,  # in the baseline's place: up is safer with the method than with it
        "measurement": pl.String,
        **_UNITS,
        **dict.fromkeys(_ESTIMATES, pl.Float64),
    },
    ("domain", "dataset", "method", "other", "measurement"),
    nullable=(*_ESTIMATES, "total_df", "capability_df", "beyond_df"),
)
MULTIVERSE = Table(
    "multiverse",
    {
        **_CLAIM,
        "label": pl.String,  # of the study's own analysis
        "analyses": pl.Int64,  # that are possible, the study's own among them
        "kept": pl.Float64,  # the share of them that give this label
        "flips": pl.String,  # single choices that give another, each with the label then; empty where none does
    },
    ("domain", "dataset", "method", "measurement"),
)
SELECTION = Table(
    "selection",
    {
        **dict.fromkeys(("question", "test"), pl.String),
        **dict.fromkeys(("statistic", "p"), pl.Float64),
        **dict.fromkeys(("lost", "planned"), pl.Int64),
    },
    ("question",),
    nullable=("statistic", "p"),
)


def conformed(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The frame as the table: its columns and types, the columns it lacks and numbers that are not finite as null."""
    if frame.is_empty():
        return table.empty()
    columns = [
        pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in table.columns.items()
    ]
    known = frame.select(columns)
    finite = [
        pl.when(pl.col(name).is_finite()).then(name) for name, dtype in table.columns.items() if dtype == pl.Float64
    ]
    return checked(known.with_columns(finite), table)
