"""Studies whose truth is known: result tables drawn from a stated ladder, effects and noise, to measure the audit's
own error rates.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.random import Generator

from analysis.scales import Floats


@dataclass(frozen=True)
class Method:
    """What a simulated method truly does, on the oriented scale and in capability units."""

    beyond: float = 0.0  # D
    capability: float = 0.0  # E
    flops: float = 1.0  # of training, as a multiple of the baseline's
    flags: str = ""


@dataclass(frozen=True)
class World:
    """A simulated study. Spreads are SDs; those over seeds are of single digits-sized convolutional networks (logit
    of safety, capability score).

    Safety is f(true capability) + family + model + method x model + seed, on the logit scale, then seen on `examples`
    test examples. Part of a run's capability spread over seeds is true capability, which moves safety along f; the
    rest is noise of the score.
    """

    families: int = 3
    widths: int = 4
    seeds: int = 2
    measurements: int = 1
    methods: dict[str, Method] = field(default_factory=dict)
    method_models: int | None = None  # methods are trained on this many models only, the middle ones; None: on all
    method_seeds: int | None = None
    slope: float = 0.42
    curvature: float = 0.0  # f(c) = slope c + curvature c^2
    family_spread: float = 0.1
    model_spread: float = 0.05
    interaction_spread: float = 0.04
    seed_spread: float = 0.11
    capability_spread: float = 0.15
    true_share: float = 0.5  # of the capability's variance over seeds
    doublings: float = 2.0  # of compute between neighbouring widths
    gain: float = 0.5  # capability per doubling of compute
    examples: int = 1000
    example_share: float = 0.05


def planned_runs(world: World) -> pl.DataFrame:
    """Every run of a study: the results table's columns that name it, its true mean capability, and the numbers of
    its method and model.
    """
    methods = {"standard": Method(), **world.methods}
    width = np.tile(np.arange(world.widths), world.families)
    family = np.repeat(np.arange(world.families), world.widths)
    where = world.gain * world.doublings * (width - (world.widths - 1) / 2) + 0.15 * (family - (world.families - 1) / 2)
    middle = np.argsort(np.abs(where), kind="stable")[: world.method_models]
    rows = []
    for number, (name, method) in enumerate(methods.items()):
        for k in range(len(where)) if name == "standard" else sorted(middle):
            scale = 2.0 ** (world.doublings * width[k])
            run = {"domain": "vision", "dataset": "simulated", "method": name, "model": f"family{family[k]}-{width[k]}"}
            named = {
                **run,
                "family": f"family{family[k]}",
                "parameters": round(1000 * scale),
                "flops": 1e9 * scale * method.flops,
            }
            truth = {"capability": where[k] + method.capability, "method_number": number, "model_number": int(k)}
            seeds = world.method_seeds if world.method_seeds is not None and k in middle else world.seeds
            rows += [{**named, "seed": seed, "step": 1000, **truth} for seed in range(seeds)]
    return pl.DataFrame(rows)


def simulated_study(world: World, rng: Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(results, scores) of one study of this world, in the columns of the results table and of the audit's scores."""
    runs = planned_runs(world)
    method, model = runs["method_number"].to_numpy(), runs["model_number"].to_numpy()
    size, shape = len(runs), (len(runs), world.measurements)
    true = runs["capability"].to_numpy() + rng.normal(0, world.capability_spread * np.sqrt(world.true_share), size)
    score = true + rng.normal(0, world.capability_spread * np.sqrt(1 - world.true_share), size)
    families, models = world.families, world.families * world.widths
    offset = rng.normal(0, world.family_spread, (families, world.measurements)).repeat(world.widths, axis=0)
    offset += rng.normal(0, world.model_spread, (models, world.measurements))
    interaction = rng.normal(0, world.interaction_spread, (method.max() + 1, models, world.measurements))
    beyond = np.array([0.0, *(each.beyond for each in world.methods.values())])
    y = (
        (world.slope * true + world.curvature * true**2 + beyond[method])[:, None]
        + offset[model]
        + interaction[method, model]
    )
    y += rng.normal(0, world.seed_spread, shape)
    p = 1 / (1 + np.exp(-y))
    own, common = rng.standard_normal(shape), rng.standard_normal((method.max() + 1, world.measurements))[method]
    share = world.example_share
    y += (np.sqrt(1 - share) * own + np.sqrt(share) * common) / np.sqrt(world.examples * p * (1 - p))
    flags = ["", *(each.flags for each in world.methods.values())]
    named = runs.drop("capability", "method_number", "model_number").with_columns(
        flags=pl.Series([flags[k] for k in method])
    )
    scores = named.drop("parameters", "flops", "flags").with_columns(pl.Series("score", score))
    return _measured(named, 1 / (1 + np.exp(-y)), world), scores


def _measured(runs: pl.DataFrame, p: Floats, world: World) -> pl.DataFrame:
    frames = [
        runs.with_columns(
            pl.lit(f"condition{m:02d}/auroc").alias("measurement"),
            pl.lit("auroc").alias("metric"),
            pl.lit(f"condition{m:02d}").alias("condition"),
            pl.lit("all").alias("part"),
            pl.lit("safety").alias("axis"),
            pl.lit("monitoring").alias("pillar"),
            pl.lit(True).alias("higher_is_better"),
            pl.lit(0.0).alias("lower"),
            pl.lit(1.0).alias("upper"),
            pl.lit(0.5).alias("chance"),
            pl.lit(None, dtype=pl.Float64).alias("target"),
            pl.Series("value", p[:, m]),
            pl.Series("standard_error", np.sqrt(p[:, m] * (1 - p[:, m]) / world.examples)),
            pl.lit(world.examples).cast(pl.Int64).alias("n"),
        )
        for m in range(world.measurements)
    ]
    return pl.concat(frames)
