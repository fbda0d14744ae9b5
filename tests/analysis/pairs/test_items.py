"""Items: variances against estimates made again without each item and each family, and coverage of planted effects."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from analysis.audit.settings import AuditSettings
from analysis.pairs import audit
from analysis.pairs.audit import Question
from analysis.pairs.estimation import Found, Paired, estimated
from analysis.pairs.item_scores import ITEMS
from analysis.pairs.items import with_items
from analysis.pairs.structure import TEXTS, structured
from analysis.schema import checked
from analysis.tables import BASELINE, RESULTS

Floats = NDArray[np.float64]
FAMILIES = 9
SETTINGS = AuditSettings(example_share=0.0, curve_level=0.0)


@dataclass(frozen=True)
class World:
    """Baseline models of nine families, two each, and one model a family that the method was applied to; scores [row,
    item] in an open range, so that the scale is the value itself.
    """

    scores: Floats
    capability: Floats
    names: list[str]
    families: list[str]

    def question(self, scores: Floats | None = None, keep: NDArray[np.bool_] | None = None) -> Question:
        values = (self.scores if scores is None else scores).mean(1)
        rows, models = [], []
        for row, name in enumerate(self.names):
            if keep is not None and not keep[row]:
                continue
            of_method = row >= 2 * FAMILIES
            base = f"base{2 * (row - 2 * FAMILIES)}" if of_method else ""
            models.append({"row": row + 1, "key": name, "within": "", "method": "m" if of_method else ""})
            models[-1] |= {"baseline": base, "family": self.families[row]}
            about = {"model": name, "family": self.families[row], "method": "m" if of_method else BASELINE}
            rows += [
                {**about, "measurement": what, "axis": axis, "value": float(value), "metric": what}
                for what, axis, value in (("c", "capability", self.capability[row]), ("s", "safety", values[row]))
            ]
        fixed = dict.fromkeys(("domain", "dataset", "condition"), "t") | {"seed": 0, "step": 0, "part": "all"}
        fixed |= {"flags": "", "higher_is_better": True}
        frame = pl.DataFrame([{**fixed, **row} for row in rows])
        frame = frame.with_columns(
            pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in RESULTS.columns.items()
            if name not in frame.columns
        )
        results = checked(frame.select(*RESULTS.columns), RESULTS)
        score = results.filter(measurement="c").select("model", score="value")
        return Question(results, structured(pl.DataFrame(models).select("row", *TEXTS)), score, "c")

    def items(self) -> pl.DataFrame:
        cells = [
            (name, "s", f"{item:03d}", 0, float(self.scores[row, item]))
            for row, name in enumerate(self.names)
            for item in range(self.scores.shape[1])
        ]
        return checked(pl.DataFrame(cells, schema=ITEMS.columns, orient="row").sort(ITEMS.key), ITEMS)


def world(rng: np.random.Generator, items: int, effect: float = 0.0, shared: float = 1.0, family: float = 0.1) -> World:
    """Items differ in difficulty and in how the method takes to them, over all families (`shared`) and within each;
    families differ in the effect.
    """
    names = [f"base{k}" for k in range(2 * FAMILIES)] + [f"tuned{k}" for k in range(FAMILIES)]
    families = [f"f{k // 2}" for k in range(2 * FAMILIES)] + [f"f{k}" for k in range(FAMILIES)]
    capability = np.concatenate([rng.normal(0, 1, 2 * FAMILIES), np.zeros(FAMILIES)])
    capability[[1, 3]], capability[[5, 7]] = -3.0, 3.0  # so that no family alone holds an end of the ladder
    capability[2 * FAMILIES :] = capability[: 2 * FAMILIES : 2] + rng.normal(0, 0.2, FAMILIES)
    scores = 3 + capability[:, None] * rng.normal(1, 0.3, items) + rng.normal(0, 2, items)
    scores += rng.normal(0, 1, (len(names), items))
    own = effect + rng.normal(0, family, (FAMILIES, 1)) + rng.normal(0, shared, items)
    scores[2 * FAMILIES :] += own
    return World(scores, capability, names, families)


def paired_of(asked: Question, items: pl.DataFrame) -> tuple[Paired, dict[str, dict[str, float]]]:
    paired, _, variances = with_items(audit._paired(asked, SETTINGS), items, SETTINGS)
    return paired, {row["effect"]: row for row in variances.iter_rows(named=True)}


def safety(paired: Paired) -> Found:
    return next(each for each in estimated(paired, SETTINGS, axes=("safety",)))


def test_variances_over_items_are_those_of_estimates_made_again_without_each() -> None:
    """Delete-one-item and delete-one-family-and-item jackknives, everything made anew by the audit itself."""
    made = world(np.random.default_rng(1), items=12)
    _, found = paired_of(made.question(), made.items())
    size = made.scores.shape[1]
    families = [f"f{k}" for k in range(FAMILIES)]

    def both(without: int | None, family: str | None) -> tuple[float, float]:
        scores = made.scores if without is None else np.delete(made.scores, without, axis=1)
        paired = audit._paired(made.question(scores), SETTINGS)
        gone = [paired.names.index(family)] if family else []
        estimate = safety(paired.without(np.array(gone, dtype=np.int64)))
        return estimate.total.point, estimate.beyond.point

    whole = np.array(both(None, None))
    without = np.array([both(item, None) for item in range(size)])
    of_items = (size - 1) / size * ((without - without.mean(0)) ** 2).sum(0)
    assert [found[name]["of_items"] for name in ("total", "beyond")] == pytest.approx(of_items.tolist(), rel=1e-9)
    # an item's influence without a family: the estimate without the family, with the item less without it
    alone = np.array([both(None, family) for family in families])
    influence = np.array([[both(item, family) for item in range(size)] for family in families])
    influence = (alone[:, None] - influence) * (size - 1) / size
    spread = ((influence - influence.mean(0)) ** 2).sum(0) * (FAMILIES - 1) / FAMILIES
    of_both = size / (size - 1) * spread.sum(0)
    assert [found[name]["of_both"] for name in ("total", "beyond")] == pytest.approx(of_both.tolist(), rel=1e-6)
    assert np.isfinite(whole).all()


@pytest.mark.slow
def test_intervals_cover_a_planted_effect_over_new_items_and_new_families() -> None:
    """With few items that all families share, families alone cover far too seldom."""
    rng = np.random.default_rng(7)
    draws, effect = 100, 0.5
    covered = {name: [0, 0] for name in ("total", "beyond")}
    for _ in range(draws):
        made = world(rng, items=25, effect=effect)
        asked = made.question()
        for place, paired in enumerate((audit._paired(asked, SETTINGS), paired_of(asked, made.items())[0])):
            found = safety(paired)
            moved = float(np.mean(made.capability[2 * FAMILIES :] - made.capability[: 2 * FAMILIES : 2]))
            for name, truth in (("total", effect + moved), ("beyond", effect)):
                low, high = getattr(found, name).interval
                covered[name][place] += low <= truth <= high
    for alone, both in covered.values():
        assert both >= 0.91 * draws
        assert alone <= 0.8 * draws


def test_what_items_add_is_nothing_where_families_share_nothing() -> None:
    rng = np.random.default_rng(3)
    added = [
        paired_of(made.question(), made.items())[1]["total"]
        for made in (world(rng, items=40, shared=0.0) for _ in range(20))
    ]
    assert sum(each["added"] == 0 for each in added) >= 5
    assert np.mean([each["of_items"] - each["of_both"] for each in added]) == pytest.approx(0.0, abs=2e-3)


def test_items_that_one_side_lacks_are_counted_and_the_pair_differs_by_the_others() -> None:
    made = world(np.random.default_rng(2), items=10)
    items = made.items().filter(~((pl.col("model") == "tuned3") & pl.col("item").is_in(["000", "001"])))
    paired, found, _ = with_items(audit._paired(made.question(), SETTINGS), items, SETTINGS)
    row = found.filter(model="tuned3").row(0, named=True)
    assert (row["items"], row["only_model"], row["only_baseline"]) == (8, 0, 2)
    differences = made.scores[2 * FAMILIES + 3, 2:] - made.scores[6, 2:]
    assert row["difference"] == pytest.approx(differences.mean())
    assert row["standard_error"] == pytest.approx(differences.std(ddof=1) / np.sqrt(8))
    column = paired.grid.measurements["measurement"].to_list().index("s")
    change = paired.change(column, paired.methods["m"])
    assert change[3] == pytest.approx(differences.mean())
    assert change[4] == pytest.approx(float((made.scores[2 * FAMILIES + 4] - made.scores[8]).mean()))


def test_copies_of_an_item_are_paired_with_nothing() -> None:
    made = world(np.random.default_rng(2), items=5)
    copies = made.items().with_columns(
        copy=pl.when((pl.col("model") == "tuned0") & (pl.col("item") == "004")).then(1).otherwise(0).cast(pl.Int64)
    )
    _, found, _ = with_items(audit._paired(made.question(), SETTINGS), copies, SETTINGS)
    assert found.filter(model="tuned0").select("items", "only_model", "only_baseline").row(0) == (4, 0, 1)


def test_pairs_of_one_family_have_a_difference_over_items_and_no_variance_over_families() -> None:
    made = world(np.random.default_rng(2), items=10)
    keep = np.array([k < 2 * FAMILIES or k == 2 * FAMILIES for k in range(3 * FAMILIES)])
    _, pairs, variances = with_items(audit._paired(made.question(keep=keep), SETTINGS), made.items(), SETTINGS)
    assert (len(pairs), len(variances)) == (1, 0)
    assert pairs["low"][0] < pairs["difference"][0] < pairs["high"][0]
