"""Parts of a study, each within the next: seed after seed, and of a seed the models spread over families and scale."""

from collections.abc import Mapping, Sequence
from itertools import pairwise, zip_longest

import polars as pl

from analysis.tables import BASELINE
from stages.artifacts import RUN

LEAST_MODELS = 6  # of a part: with fewer, pairs are the units of the audit, and there is hardly a ladder
Cell = tuple[str, int]  # a model and a seed


def bisected(count: int) -> list[int]:
    """The places 0 to count - 1: the ends, then always the middle of the widest gap, the lower one of two."""
    places = [0, count - 1][:count]
    while len(places) < count:
        there = sorted(places)
        low, high = max(pairwise(there), key=lambda gap: gap[1] - gap[0])
        places.append((low + high) // 2)
    return places


def spread(models: Sequence[tuple[str, str, float]]) -> list[str]:
    """Names of models, given as (name, family, size): families in turn, each from its ends inwards, one from the lower
    end first and the next from the upper.
    """
    families: dict[str, list[str]] = {}
    for name, family, _ in sorted(models, key=lambda model: (model[1], model[2], model[0])):
        families.setdefault(family, []).append(name)
    ordered = []
    for turn, names in enumerate(families.values()):
        from_its_end = names if turn % 2 == 0 else names[::-1]
        ordered.append([from_its_end[place] for place in bisected(len(names))])
    return [name for together in zip_longest(*ordered) for name in together if name is not None]


def cells(runs: pl.DataFrame, method: str) -> list[Cell]:
    """The models and seeds of a method in one task, in the order in which parts take them. `runs` is the table
    PLANNED_RUNS of the task.
    """
    models = runs.filter(role=RUN, method=BASELINE).unique("model").select("model", "family", "flops")
    seeds = runs.filter(role=RUN, method=method)["seed"].unique().sort()
    names = spread(models.rows())
    return [(model, seed) for seed in seeds for model in names]


def size(runs: pl.DataFrame, method: str, look: int, looks: int) -> int:
    """How many of a method's cells the part for a look has: the same more at each look, and six models at least."""
    every = cells(runs, method)
    least = min(LEAST_MODELS, len({model for model, _ in every}))
    return min(len(every), max(-(-look * len(every) // looks), least))


def part_of(planned: pl.DataFrame, taken: Mapping[str, Mapping[str, int]]) -> pl.DataFrame:
    """The rows of the table PLANNED_RUNS that a part has: of each method (by task) so many of its cells, with their
    checkpoints and sibling models, and of the baseline every seed of a model that any of them is of.
    """
    kept = []
    for task, counts in taken.items():
        rows = planned.filter(task=task)
        chosen = {method: cells(rows, method)[:count] for method, count in counts.items() if method != BASELINE}
        models = {model for each in chosen.values() for model, _ in each}
        chosen[BASELINE] = [cell for cell in cells(rows, BASELINE) if cell[0] in models]
        wanted = [(method, model, seed) for method, each in chosen.items() for model, seed in each]
        schema = {"method": pl.String, "model": pl.String, "seed": pl.Int64}
        frame = pl.DataFrame(wanted, schema=schema, orient="row")
        kept.append(rows.join(frame, on=["method", "model", "seed"], how="semi", maintain_order="left"))
    return pl.concat(kept) if kept else planned.clear()
