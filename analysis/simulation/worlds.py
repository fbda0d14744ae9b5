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

    beyond: float | tuple[float, ...] = 0.0  # D, of all measurements or of each
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
    # what the audit does not assume
    family_interaction_spread: float = 0.0  # of a method's effect, over families
    cell_spread: float = 0.0  # of the logarithm of the noise's spread, over methods x measurements
    slope_change: float = 0.0  # of a method's own slope, as a share of the ladder's; D is that at the mean model
    heavy_tails: bool = False  # all noise is of Student's t with 3 degrees of freedom

    def noise(self, rng: Generator, shape: int | tuple[int, ...]) -> Floats:
        """Noise with an SD of 1."""
        return rng.standard_t(3, shape) / np.sqrt(3) if self.heavy_tails else rng.standard_normal(shape)


def planned_runs(world: World) -> pl.DataFrame:
    """Every run of a study: the results table's columns that name it, its true mean capability, and the numbers of
    its method and model.
    """
    methods = {"standard": Method(), **world.methods}
    where = _places(world)
    middle = np.argsort(np.abs(where), kind="stable")[: world.method_models]
    rows = []
    for number, (name, method) in enumerate(methods.items()):
        for k in range(len(where)) if name == "standard" else sorted(middle):
            family, width = divmod(int(k), world.widths)
            scale = 2.0 ** (world.doublings * width)
            run = {"domain": "vision", "dataset": "simulated", "method": name, "model": f"family{family}-{width}"}
            named = {
                **run,
                "family": f"family{family}",
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
    (beside,) = rng.spawn(1)  # for what the audit does not assume: all else stays as it is without it
    over_seeds = world.capability_spread * np.sqrt([world.true_share, 1 - world.true_share])
    true = runs["capability"].to_numpy() + over_seeds[0] * world.noise(rng, size)
    score = true + over_seeds[1] * world.noise(rng, size)
    cell = np.exp(world.cell_spread * beside.standard_normal((method.max() + 1, world.measurements)))
    y = (world.slope * true + world.curvature * true**2)[:, None]
    y = y + _effects(world, runs, rng)[method, model]
    y += cell[method] * _interactions(world, rng, beside)[method, model]
    y += world.seed_spread * cell[method] * world.noise(rng, shape)
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


def _effects(world: World, runs: pl.DataFrame, rng: Generator) -> Floats:
    """What each method does to each model [method, model, measurement], with what the model has of its own."""
    models, place = world.families * world.widths, _places(world)
    own = rng.normal(0, world.family_spread, (world.families, world.measurements)).repeat(world.widths, axis=0)
    own += rng.normal(0, world.model_spread, (models, world.measurements))
    beyond = [np.broadcast_to(each.beyond, world.measurements) for each in world.methods.values()]
    effects = np.stack([np.zeros(world.measurements), *beyond])[:, None]
    trained = np.unique(runs.filter(pl.col("method_number") > 0)["model_number"].to_numpy())
    tilt = np.zeros((len(effects), models, 1))
    tilt[1:] = world.slope * world.slope_change * (place - place[trained].mean() if len(trained) else place)[:, None]
    return np.asarray(effects + tilt + own)


def _interactions(world: World, rng: Generator, beside: Generator) -> Floats:
    """What a method does beside its effect [method, model, measurement], on 0 over families."""
    methods, models = len(world.methods) + 1, world.families * world.widths
    found = world.interaction_spread * world.noise(rng, (methods, models, world.measurements))
    by_family = beside.normal(0, world.family_interaction_spread, (methods, world.families, world.measurements))
    by_family -= by_family.mean(1, keepdims=True)
    by_family[0] = 0
    return np.asarray(found + by_family.repeat(world.widths, axis=1))


def _places(world: World) -> Floats:
    """The true mean capability of each model's standard runs."""
    width = np.tile(np.arange(world.widths), world.families)
    family = np.repeat(np.arange(world.families), world.widths)
    scale = world.gain * world.doublings * (width - (world.widths - 1) / 2)
    return np.asarray(scale + 0.15 * (family - (world.families - 1) / 2))


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
