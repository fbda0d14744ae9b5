"""Labels that the page makes of a reader's own choice are the audit's: the same estimates, judged by both."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import polars as pl
import pytest
from numpy.random import Generator

from analysis.audit.claims import claims
from analysis.audit.decision import LABELS, LEAST_DF, tested
from analysis.audit.estimation import Estimated
from analysis.audit.schema import ESTIMATES, FRAGILITY, GATES, VERDICTS, conformed
from analysis.audit.settings import AuditSettings
from analysis.tables import RESULTS
from stages.page.embedded import embedded
from stages.page.rendering import rendered
from stages.page.tasks import TaskResults
from stages.page.verdict_section import shown_rows
from stages.page.verdicts import VERDICTS as SHOWN
from stages.page.verdicts import style_name
from tests.chromium import CHROMIUM, chromium

SETTINGS = 1000
METHODS = ("a", "b", "c", "d", "placebo", "sugar")
MEASUREMENTS = tuple(f"condition{k}/accuracy" for k in range(8))
PRIMARY = list(MEASUREMENTS[:5])
AUDIT = AuditSettings(
    draws=100,
    placebos=("placebo", "sugar"),
    claims={"a": (MEASUREMENTS[0], MEASUREMENTS[6]), "b": (MEASUREMENTS[1],)},
)
# Chooses each setting in turn as an address does; what label every claim has then.
ACT = """SETTINGS.map((address) => {
  state.load(`#${address}`);
  const codes = choices.data.labels.map((each) => each.name);
  return Object.entries(choices.data.tasks).map(([slug, task]) => task.claims.map((claim, i) => {
    const { label, starred, match } = choices.found.get(`${slug}/${i}`) ?? claim;
    return `${codes.indexOf(label)}${starred ? "*" : ""}${match === "flops" ? "f" : ""}`;
  }));
})"""


def random_estimates(rng: Generator, name: str) -> pl.DataFrame:
    """Estimates of every method on every measurement: effects of some margins, of all sizes of error, some of them
    unknown, and some methods with FLOPs of their own.
    """
    rows: list[dict[str, Any]] = []
    for measurement in MEASUREMENTS:
        margin = float(rng.uniform(0.05, 0.6))
        for method in METHODS:
            price, known = float(rng.normal(0, 0.4)), rng.random() > 0.1
            scale = 0.2 if method in AUDIT.placebos else 1.5
            beyond, total = rng.normal(0, scale * margin, 2)
            for match in ("epochs", "flops") if method in ("a", "b", "placebo") else ("epochs",):
                moved = rng.normal(0, 0.1 * margin) if match == "flops" else 0.0
                row: dict[str, Any] = {"method": method, "measurement": measurement, "match": match, "margin": margin}
                row |= {"capability_margin": 0.3, "unit": "model", "units": 9, "pairs": 18, "models": 9, "in_range": 9}
                points = {"total": total + moved, "capability": price + moved, "beyond": beyond + moved}
                for effect, point in points.items():
                    error = float(np.exp(rng.uniform(-4, 0))) * margin
                    unknown = effect == "beyond" and not known
                    row |= {effect: None if unknown else point, f"{effect}_se": error}
                    row |= {f"{effect}_df": float(rng.uniform(2, 40))}
                rows.append(row)
    frame = pl.DataFrame(rows, infer_schema_length=None).with_row_index("draw")
    facts = {"domain": name, "dataset": name, "metric": "accuracy", "condition": "c", "axis": "safety"}
    return frame.with_columns(pl.lit(value).alias(key) for key, value in facts.items()).with_columns(
        pillar=pl.lit(None, dtype=pl.String), seed_share=pl.lit(0.2), df=pl.lit(8)
    )


def random_gates(rng: Generator, rows: pl.DataFrame) -> pl.DataFrame:
    """Gates of these estimates: some claims are blocked, and where D is not known the range is said to be too short."""
    claims = rows.filter(match="epochs").select("domain", "dataset", "method", "measurement", "beyond")
    leaks = claims.with_columns(gate=pl.lit("validity"), passed=pl.Series(rng.random(len(claims)) > 0.1), blocking=True)
    short = claims.with_columns(gate=pl.lit("range"), passed=pl.col("beyond").is_not_null(), blocking=False)
    return pl.concat([leaks, short]).with_columns(detail=pl.lit("said")).select(list(GATES.columns))


def judged(
    rows: pl.DataFrame, gates: pl.DataFrame, settings: AuditSettings, setting: Mapping[str, str], slug: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(estimates as tested, verdicts) by the audit, of what an address chooses."""
    times, price = float(setting.get("margin", 1)), float(setting.get("price", 1))
    own = {name: float(setting[key]) for name in MEASUREMENTS if (key := f"margin{slug}.{name}") in setting}
    margins = [own.get(name, margin * times) for name, margin in rows.select("measurement", "margin").iter_rows()]
    chosen = rows.with_columns(
        margin=pl.Series(margins, dtype=pl.Float64), capability_margin=pl.col("capability_margin") * price
    )
    rate = float(setting.get("q", settings.false_discovery_rate))
    settings = replace(settings, false_discovery_rate=rate)
    found = tested(chosen, settings, LEAST_DF)
    each = Estimated(found, np.zeros((2, len(found))), gates, pl.DataFrame())
    return found, claims([each], gates, PRIMARY, settings)[0]


def shown_task(rows: pl.DataFrame, verdicts: pl.DataFrame, slug: str) -> tuple[TaskResults, list[dict[str, Any]]]:
    """A task of the page with these verdicts."""
    area = pl.when(pl.col("tier") == "primary").then("measurement")
    facts = {"higher_is_better": True, "scale": "logit", "baseline": 0.5, "alpha": AUDIT.alpha}
    facts |= {"false_discovery_rate": AUDIT.false_discovery_rate}
    whole = verdicts.with_columns(pl.lit(value).alias(name) for name, value in facts.items())
    whole = whole.with_columns(area=area, placebo=pl.col("method").is_in(AUDIT.placebos))
    found = {"estimates": conformed(rows, ESTIMATES), "fragility": FRAGILITY.empty()}
    task = TaskResults(slug, slug, slug, RESULTS.empty(), found, {})
    order = conformed(whole, VERDICTS).with_columns(order=pl.col("measurement"), about=pl.lit(""))
    return task, shown_rows(task, order)


def random_settings(rng: Generator, slugs: list[str]) -> list[dict[str, str]]:
    """Addresses' choices; the first chooses nothing."""
    found: list[dict[str, str]] = [{}]
    while len(found) < SETTINGS:
        setting = {}
        for name, low, high in (("margin", 0.05, 8), ("price", 0.05, 8), ("q", 0.0005, 0.6)):
            if rng.random() < 0.7:
                setting[name] = f"{np.exp(rng.uniform(np.log(low), np.log(high))):.6g}"
        for slug in slugs:
            own = rng.choice(MEASUREMENTS, rng.integers(0, 3), replace=False)
            setting |= {f"margin{slug}.{name}": f"{rng.uniform(0.01, 1):.4g}" for name in own}
        found.append(setting)
    return found


def sorted_rows(verdicts: pl.DataFrame) -> list[tuple[str, bool, str]]:
    """Label, star and match of each claim in the order of the page."""
    return verdicts.sort("measurement", "method").select("label", "starred", "match").rows()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt install chromium)")
@pytest.mark.parametrize("weigh", [False, True])
def test_labels_of_a_thousand_choices_are_the_audits(tmp_path: Path, weigh: bool) -> None:
    rng = np.random.default_rng(int(weigh))
    settings = replace(AUDIT, weigh_claims=weigh)
    slugs = ["_1_one", "_2_two"]
    studies = {slug: random_estimates(rng, slug) for slug in slugs}
    gates = {slug: random_gates(rng, rows) for slug, rows in studies.items()}
    choices = random_settings(rng, slugs)
    expected: list[list[list[str]]] = []
    tasks = []
    codes = list(SHOWN)
    for setting in choices:
        of_tasks = []
        for slug in slugs:
            rows, verdicts = judged(studies[slug], gates[slug], settings, setting, slug)
            if not setting:
                tasks.append(shown_task(rows, verdicts, slug))
            of_tasks.append(
                [
                    f"{codes.index(label)}{'*' * starred}{'f' * (match == 'flops' and bool(setting))}"
                    for label, starred, match in sorted_rows(verdicts)
                ]
            )
        expected.append(of_tasks)
    data = embedded(
        tasks,
        alpha=settings.alpha,
        rate=settings.false_discovery_rate,
        placebos=settings.placebos,
        weigh=settings.weigh_claims,
    )
    labels = [{"name": name, "style": style_name(name), **each._asdict()} for name, each in SHOWN.items()]
    page = tmp_path / "page.html"
    page.write_text(
        rendered("base.html", title="x", labels=labels, specs={}, embedded=data, pairs=[]), encoding="utf-8"
    )
    with chromium(tmp_path) as tab:
        tab.open(page.as_uri())
        found = tab.run(ACT.replace("SETTINGS", json.dumps([urlencode(each) for each in choices])))
        assert tab.errors == []
    assert len(found) == SETTINGS
    for setting, own, theirs in zip(choices, expected, found, strict=True):
        assert own == theirs, setting
    given = {int(label.strip("*f")) for each in expected for task in each for label in task}
    assert {codes[number] for number in given} == set(LABELS)
