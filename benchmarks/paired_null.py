"""How often the audit finds a gain of methods that do nothing, over pairs that share their baselines as published ones
do: a Markdown table with Wilson bounds.

A fake method has as many pairs on each of its baselines as a real one of the same table; its baselines and its models
are drawn from the baseline rows. Each is a study by itself, so that nothing but its own measurements corrects for its
claims. The family of a fake is that of its baseline.

    python benchmarks/paired_null.py --reference DIR [--methods 600] [--seed 1] [--only TABLE]
"""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl
from reference_pairs import checked_table
from reference_tables import results_of
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from analysis.audit.decision import GAINS
from analysis.audit.settings import AuditSettings
from analysis.model_scores import COMPONENT, baselines, model_scores, wide_table
from analysis.pairs.audit import Question, audit_pairs
from analysis.pairs.effects import Pairs, beyond, line
from analysis.pairs.structure import TEXTS, Structure, structured

GAINING = (*GAINS, "GAIN, SIZE OPEN")
COLUMNS = (
    "methods with a gain found",
    "claims found a gain",
    "D's interval excludes 0",
    "of the plain recipe",
    "of pairs as if independent",
)
PLAIN = {"measurement": pl.String, "families": pl.Boolean, "naive": pl.Boolean}
TABLES = (
    "chat_tuning/expected.json",
    "dtrust_compressed/expected.json",
    "openllm_finetunes/expected_by_precision.json",
)


@dataclass(frozen=True)
class Source:
    """A published table: its baseline models' results and scores, and by method how many pairs each baseline has."""

    results: pl.DataFrame
    scores: pl.DataFrame
    families: dict[str, str]
    shapes: dict[str, list[int]]


def source(folder: Path, file: str) -> Source:
    """The table of an expected file."""
    found = checked_table(folder, file)
    results = results_of(found)
    wide, axes = wide_table(results)
    scores = model_scores(wide, axes, COMPONENT, baselines(results)).values
    structure = structured(found.models.select("row", *TEXTS))
    shapes = {
        method: own["baseline"].value_counts()["count"].to_list()
        for (method,), own in structure.pairs.group_by("method", maintain_order=True)
    }
    rungs = pl.col("model").is_in(list(structure.rungs))
    scored = scores.select("model", score=COMPONENT).filter(rungs)
    return Source(results.filter(rungs), scored, structure.rungs, shapes)


def fake(of: Source, shape: list[int], rng: np.random.Generator) -> Question:
    """A method that does nothing, with as many pairs on each baseline as the shape says."""
    names = sorted(set(of.results["model"]))
    chosen = rng.permutation(len(names))[: len(shape)]
    bases = np.repeat(chosen, shape)
    others = (bases + rng.integers(1, len(names), size=len(bases))) % len(names)  # any but the baseline itself
    twin = pl.DataFrame({"model": [names[k] for k in others], "twin": [f"fake {k}" for k in range(len(bases))]})
    rows = of.results.join(twin, on="model").with_columns(model="twin", method=pl.lit("fake")).drop("twin")
    scores = of.scores.join(twin, on="model").select(model="twin", score="score")
    rungs = [(name, "", "", of.families[name]) for name in names]
    fakes = [(f"fake {k}", "fake", names[base], of.families[names[base]]) for k, base in enumerate(bases)]
    models = pl.DataFrame([*rungs, *fakes], schema=["key", "method", "baseline", "family"], orient="row")
    structure: Structure = structured(models.with_row_index("row", 1).with_columns(within=pl.lit("")))
    return Question(pl.concat([of.results, rows]), structure, pl.concat([of.scores, scores]), COMPONENT)


def counted(of: Source, shape: list[int], rng: np.random.Generator) -> pl.DataFrame:
    """Of each claim about a fake method: whether its label is a gain, whether D is told and its interval excludes 0,
    and whether that of the plain recipe and that of pairs taken for independent ones do.
    """
    asked = fake(of, shape, rng)
    verdicts = audit_pairs(asked, AuditSettings())["verdicts"]
    excludes = (pl.col("beyond_lower") > 0) | (pl.col("beyond_upper") < 0)
    own = verdicts.select("measurement", gain=pl.col("label").is_in(GAINING), beyond=excludes)
    return own.join(_plain(asked), on="measurement", how="left")


def _plain(asked: Question) -> pl.DataFrame:
    """Whether intervals of D on a line exclude 0: with families as the units, and with pairs."""
    wide = asked.results.pivot(on="measurement", index="model", values="value").join(asked.scores, on="model")
    names = wide["model"].to_list()
    rungs = np.array([name in asked.structure.rungs for name in names])
    of_pairs = asked.structure.pairs
    numbers = {family: number for number, family in enumerate(sorted(set(asked.structure.rungs.values())))}
    families = np.array([numbers.get(asked.structure.rungs.get(name, ""), -1) for name in names])
    models, bases = (np.array([names.index(name) for name in of_pairs[column]]) for column in ("model", "baseline"))
    pairs = Pairs(models, bases, np.array([numbers[family] for family in of_pairs["family"]]))
    found = []
    score = wide["score"].fill_null(np.nan).to_numpy()
    for measurement in asked.results.filter(axis="safety")["measurement"].unique().sort():
        y = wide[measurement].fill_null(np.nan).to_numpy()
        ladder = line(score, y, rungs, families)
        if ladder is None:
            continue
        low, high = beyond(y, score, pairs, ladder).interval
        rest = pairs.change(y) - ladder.explained(pairs)[0]
        rest = rest[np.isfinite(rest)]
        half = stats.t.ppf(0.975, len(rest) - 1) * rest.std(ddof=1) / np.sqrt(len(rest)) if len(rest) > 1 else np.nan
        clustered = None if np.isnan(low) else bool(low > 0 or high < 0)
        found.append((measurement, clustered, bool(abs(rest.mean()) > half) if np.isfinite(half) else None))
    return pl.DataFrame(found, schema=PLAIN, orient="row")


def line_of(name: str, studies: list[pl.DataFrame]) -> str:
    """One line of the table."""
    claims = pl.concat(studies)
    shares = [_share([bool(each["gain"].any()) for each in studies]), _share(claims["gain"].to_list())]
    shares += [_share(claims[column].drop_nulls().to_list()) for column in ("beyond", "families", "naive")]
    told = int(claims["beyond"].count()) / len(claims)
    return f"| {name} | {len(studies)} x {len(studies[0])} | {told:.2f} | {' | '.join(shares)} |"


def _share(hits: list[bool]) -> str:
    if not hits:
        return ""
    low, high = proportion_confint(sum(hits), len(hits), method="wilson")
    return f"{np.mean(hits):.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--reference", type=Path, required=True, help="the folder with pairs/")
    parser.add_argument("--methods", type=int, default=600, help="fake methods of each table")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="tables whose name holds this")
    chosen = parser.parse_args()
    start = perf_counter()
    print("| table, method whose shape it is | methods x claims | D told | " + " | ".join(COLUMNS) + " |")
    print("|---|---|---|" + "---|" * len(COLUMNS))
    for file in TABLES:
        if chosen.only not in file:
            continue
        of = source(chosen.reference, file)
        in_table = []
        for method, shape in of.shapes.items():
            rng = np.random.default_rng([chosen.seed, *file.encode(), *method.encode()])
            studies = [counted(of, shape, rng) for _ in range(-(-chosen.methods // len(of.shapes)))]
            largest = f"{sum(shape)} pairs, {len(shape)} baselines, at most {max(shape)} on one"
            print(line_of(f"{file.split('/')[0]}, {method}: {largest}", studies), flush=True)
            in_table += studies
        print(line_of(f"**{file.split('/')[0]}, all**", in_table), flush=True)
    print(f"\n{datetime.now(UTC).date()}, seed {chosen.seed}, {perf_counter() - start:.0f} s.")


if __name__ == "__main__":
    main()
