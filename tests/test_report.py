import base64
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.audit.settings import AuditSettings, Margins
from analysis.findings import findings
from analysis.schema import checked
from analysis.tables import RESULTS
from stages import artifacts
from stages.artifacts import Failures
from stages.page.beside import Beside
from stages.page.format import Measure, difference, effect_rows, interval, measures, number
from stages.page.measurement_charts import baseline_trend
from stages.page.pictures import write_pictures
from stages.page.study_section import Planned
from stages.page.tasks import slugs
from stages.report import build

QUICK = AuditSettings(draws=100, margins=Margins({"pgd/accuracy": 0.2}, 0.2))
ATTACK = {"norm": "linf", "epsilon": 0.0078, "levels": None, "clean": False}
SCRIPT = "<script>alert(1)</script>"
MEASUREMENTS = {
    "clean/accuracy": ("capability", None, True, 0.0, 1.0),
    "transfer/accuracy": ("capability", None, True, 0.0, 1.0),
    "pgd/accuracy": ("safety", "robustness", True, 0.0, 1.0),
    "clean/nll": ("safety", "monitoring", False, 0.0, np.inf),
}


def _results(method: str = "shield", dataset: str = "digits") -> pl.DataFrame:
    """Two methods on six models and two seeds; the second adds 0.2 to pgd/accuracy alone."""
    rng = np.random.default_rng(0)
    rows = []
    for name in ("standard", method):
        for model in range(6):
            for seed in (0, 1):
                level = 0.3 + 0.1 * model
                shift = 0.2 if name == method else 0.0
                values = (level, level - 0.1, level / 2 + shift, 2 - level)
                for (measurement, (axis, pillar, *facts)), value in zip(MEASUREMENTS.items(), values, strict=True):
                    condition, metric = measurement.split("/")
                    place = ("vision", dataset, name, f"cnn-{model}", f"family {model % 2}", 10**model, 1e9, seed, 100)
                    what = (measurement, metric, condition, "all", axis, pillar, *facts, None, None)
                    rows.append((*place, *what, value + rng.normal(0, 0.01), 0.01, 500, ""))
    return checked(pl.DataFrame(rows, schema=RESULTS.columns, orient="row"), RESULTS)


RUNS = pl.DataFrame(
    {
        "domain": "vision",
        "dataset": "digits",
        "method": ["standard", "shield"],
        "model": ["cnn-1", "cnn-1"],
        "family": "family 1",
        "parameters": pl.Series([10, None], dtype=pl.Int64),
        "seed": [0, 0],
        "flops": [1.5e12, None],
        "status": ["finished", "failed"],
        "reason": [None, f"ValueError: {SCRIPT}"],
    }
)


class Page(HTMLParser):
    """What a browser would make of the page: tags with their attributes, scripts apart from the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.text += " " * (tag in ("td", "th", "small", "dd"))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and self.lasttag == "script" and self.cdata_elem == "script":
            self.scripts.append(data)
        else:
            self.text += data

    @property
    def specs(self) -> dict[str, Any]:
        """The charts' specifications."""
        packed = json.loads(self.scripts[1])
        common = {"config": json.loads(self.scripts[4])}
        return {name: common | json.loads(zlib.decompress(base64.b64decode(each))) for name, each in packed.items()}

    @property
    def claims(self) -> list[dict[str, Any]]:
        """What the scripts know of the verdicts, of a page of one task."""
        claims: list[dict[str, Any]] = json.loads(self.scripts[2])["tasks"][""]["claims"]
        return claims

    def rows(self, chart: str, layer: int | None = None) -> list[dict[str, Any]]:
        """The data of a chart, or of one of its layers."""
        spec = self.specs[chart]
        rows: list[dict[str, Any]] = spec["datasets"][(spec if layer is None else spec["layer"][layer])["data"]["name"]]
        return rows


def as_shown(values: Any) -> Any:
    """Numbers as the charts have them: to six digits."""
    return [tuple(as_shown(each)) if isinstance(each, tuple) else float(f"{each:.6g}") for each in values]


def plan_of(results: pl.DataFrame, study: str = "A study", **residual_risk: float) -> Planned:
    """The plan of hand-made results; `residual_risk`: by condition, the false alarms it is measured with."""
    data = {"domain": "vision", "data": {"use": "digits", "options": {"train": 100, "noise": 0.02}}}
    tasks = results["dataset"].unique().sort().to_list()
    planned = (
        checked(results, RESULTS)
        .select("dataset", "method", "model", "family", "seed")
        .unique()
        .with_columns(task="dataset")
    )
    runs = [
        {
            **row,
            "run": f"{row['dataset']}/{row['method']}/{row['model']}/{row['seed']}",
            "domain": "vision",
            "role": "run",
            "at_step": None,
            "sibling": None,
            "parameters": 10,
            "steps": 4,
            "flops": 1e9,
            "spec": json.dumps(
                {
                    "method": {"use": "adversarial", "options": {"epsilon": 0.0078}},
                    "model": {"use": "cnn", "options": {"width": 8}},
                    "training": {"epochs": 3, "precision": "float32"},
                }
            ),
            "splits": "train",
            "code": "",
        }
        for row in planned.to_dicts()
    ]
    conditions = {"clean": {"use": "clean", "options": {}}, "pgd": {"use": "pgd", "options": ATTACK}}
    conditions |= {"transfer": {"use": "clean", "options": {"split": "test"}}}
    conditions |= {name: {"use": "clean", "options": {}} for name in residual_risk}
    cell = {"domain": "vision", "code": "", "splits": "test", "sibling": False, "checkpoints": True, "agreement": ""}
    cells = [
        {**cell, "task": task, "condition": name, "spec": json.dumps(spec)}
        for task in tasks
        for name, spec in conditions.items()
    ]
    measured: list[tuple[Any, ...]] = [(name, *facts, {}) for name, facts in MEASUREMENTS.items()]
    measured += [
        (f"{name}/residual_risk", "safety", "systemic safety", False, 0.0, 1.0, {"score": "msp", "false_alarms": share})
        for name, share in residual_risk.items()
    ]
    measurements = [
        {
            "task": task,
            "measurement": name,
            "condition": name.split("/")[0],
            "metric": name.split("/")[1],
            "axis": axis,
            "pillar": pillar,
            "higher_is_better": higher,
            "lower": lower,
            "upper": upper,
            "chance": None,
            "target": None,
            "reference": None,
            "leaks": "",
            "code": "",
            "spec": json.dumps({"use": name.split("/")[1], "options": options, "scaled": name == "clean/nll"}),
        }
        for task in tasks
        for name, axis, pillar, higher, lower, upper, options in measured
    ]
    part = {"digest": "ab" * 32, "rows": 1234, "bytes": 9}
    prepared = {
        "about": {"classes": ["0", "1"], "image size": [32, 32]},
        "splits": {"test": part},
        "conditions": {"pgd": part},
    }
    return Planned(
        study,
        dict.fromkeys(tasks, data),
        artifacts.PLANNED_RUNS.frame(runs),
        artifacts.PLANNED_CELLS.frame(cells),
        artifacts.PLANNED_MEASUREMENTS.frame(measurements),
        dict.fromkeys(tasks, prepared),
    )


def found_by_task(results: pl.DataFrame, runs: pl.DataFrame, **options: Any) -> dict[str, pl.DataFrame]:
    """The findings of each data set, which is a task of that name."""
    found = []
    for task in results["dataset"].unique().sort().to_list() or ["digits"]:
        own = {name: of.filter(dataset=task) if name == "provenance" else of for name, of in options.items()}
        frames = findings(results.filter(dataset=task), runs.filter(dataset=task), **own)
        found.append({name: frame.select(pl.lit(task).alias("task"), pl.all()) for name, frame in frames.items()})
    return {name: pl.concat([of[name] for of in found]) for name in found[0]}


def _build(
    folder: Path,
    results: pl.DataFrame,
    runs: pl.DataFrame = RUNS,
    plan: Planned | None = None,
    failures: Failures | None = None,
    beside: Beside | None = None,
    **options: Any,
) -> Page:
    found = found_by_task(results, runs, **({"seed": 0, "settings": QUICK} | options))
    of_task, runs_of_task = (frame.with_columns(task="dataset") for frame in (results, runs))
    build(of_task, runs_of_task, found, folder, plan or plan_of(results), failures, beside=beside)
    return Page((folder / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return _build(folder, _results())


def test_the_page_loads_nothing(page: Page) -> None:
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert not re.match(r"(\w+:)?//", attributes.get(name) or ""), (tag, attributes)
        assert tag not in ("link", "iframe", "img", "object", "embed", "base")
    assert "$schema" not in page.scripts[1]
    assert not re.search(r"https?://", "".join(page.scripts[1:]) + page.text)
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'unsafe-inline'")
    assert len(page.scripts) == 6


def test_the_charts_show_the_tables(folder: Path, page: Page) -> None:
    results = _results()
    found = findings(results, RUNS, seed=0, settings=QUICK)
    run = ["method", "model", "seed"]
    score = found["capability"].filter(score_name="pc1").select(*run, "score")
    expected = results.filter(measurement="pgd/accuracy").join(score, on=run).sort(run).select(*run, "score", "value")
    shown = page.rows("safety_pgd-accuracy", 2)
    assert [(r["method"], r["model"], r["seed"]) for r in shown] == expected.select(run).rows()
    assert [(r["x"], r["y"]) for r in shown] == as_shown(expected.select("score", "value").rows())
    cells = page.rows("effects")
    assert sorted(c["standardised"] for c in cells) == as_shown(sorted(found["effects"]["standardised"]))
    points = page.rows("correlations", 1)
    primary = found["correlations"].filter(score_name="pc1")
    expected_points = sorted(primary.select("estimate", "low").iter_rows())
    assert sorted((p["estimate"], p["low"]) for p in points) == as_shown(expected_points)
    csv = pl.read_csv(folder / "plots" / "safety_against_capability.csv")
    assert csv.filter(measurement="pgd/accuracy")["y"].to_list() == expected["value"].to_list()
    verdict = found["verdicts"].filter(measurement="pgd/accuracy").row(0, named=True)
    forest = page.rows("forest_pgd-accuracy", 2)
    ends = [(verdict[name], verdict[f"{name}_lower"]) for name in ("beyond", "total")]
    assert [(row["value"], row["low"]) for row in forest] == as_shown(ends)


def test_a_falling_measurement_has_its_axis_turned(page: Page) -> None:
    spec = page.specs["safety_clean-nll"]["layer"][2]["encoding"]["y"]
    assert spec["scale"]["reverse"]
    assert spec["title"] == "clean: nll (axis turned: lower is better)"
    assert not page.specs["safety_pgd-accuracy"]["layer"][2]["encoding"]["y"]["scale"]["reverse"]


def test_every_chart_can_be_picked_and_becomes_a_picture(folder: Path, page: Page, tmp_path: Path) -> None:
    safety = [
        f"{kind}_{name}" for kind in ("accuracy", "forest", "plane", "safety") for name in ("clean-nll", "pgd-accuracy")
    ]
    assert sorted(page.specs) == sorted(["correlations", "effects", "fronts", "verdicts", *safety])
    for suffix, begins in {"svg": b"<svg", "png": b"\x89PNG"}.items():
        files = write_pictures(page.specs, tmp_path / suffix, suffix)
        assert [file.stem for file in files] == list(page.specs)
        assert all(file.read_bytes().startswith(begins) for file in files)
    assert sorted(path.name for path in folder.iterdir()) == [
        "correlations.svg", "effects.svg", "index.html", "plots", "verdicts.svg",
    ]  # fmt: skip
    values = [attributes.get("value") or "" for tag, attributes in page.tags if tag == "option"]
    picks = [json.loads(value) for value in values if value.startswith("{")]
    assert [pick["safety"] for pick in picks] == ["safety_pgd-accuracy", "safety_clean-nll"]
    assert all(chart in page.specs for pick in picks for chart in pick.values())


def test_the_first_screen_has_the_verdicts(page: Page) -> None:
    """The planted effect's verdict stands in the table with its interval and what it rests on, and in a sentence."""
    found = findings(_results(), RUNS, seed=0, settings=QUICK)
    verdict = found["verdicts"].filter(measurement="pgd/accuracy").row(0, named=True)
    assert verdict["label"] == "DIFFERENTIAL"
    text = re.sub(r"\s+", " ", page.text.split("Does a method make models safer")[-1])
    assert text.index("▲ DIFFERENTIAL") < text.index("The verdicts as intervals")
    assert f"+{verdict['beyond']:.2f} [+{verdict['beyond_lower']:.2f}, +{verdict['beyond_upper']:.2f}]" in text
    assert f"{verdict['in_range']} of {verdict['units']} {verdict['unit']}s" in text
    assert re.search(r"shield: safer beyond what capability explains on pgd/accuracy \(\+\d+\.\d points\)", text)
    assert "2 planned, 1 finished, 1 failed." in text
    cells = [a["data-claim"] or "" for tag, a in page.tags if tag == "td" and a.get("class") == "v-DIFFERENTIAL"]
    assert len(cells) == 2  # of the first table, and of the table of all verdicts
    for cell in cells:
        claim = page.claims[int(cell.removeprefix("/"))]
        assert claim["hover"].startswith("shield, pgd/accuracy: DIFFERENTIAL")
        assert claim["matches"]["epochs"]["beyond"][:2] == [verdict["beyond"], verdict["beyond_se"]]


def test_names_from_tables_are_inert(tmp_path: Path) -> None:
    results = _results(SCRIPT).with_columns(model=pl.format("{}</script><b>", "model"))
    page = _build(tmp_path, results, RUNS.with_columns(method=pl.lit(SCRIPT)), plan_of(results, SCRIPT))
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 6
    assert "b" not in [tag for tag, _ in page.tags]
    assert SCRIPT in page.text
    assert {row["method"] for row in page.rows("effects")} == {SCRIPT}
    for picture in tmp_path.glob("*.svg"):
        assert "<script" not in picture.read_text(encoding="utf-8")


def test_the_same_tables_give_the_same_bytes(folder: Path, tmp_path: Path, page: Page) -> None:
    _build(tmp_path, _results().sample(fraction=1, shuffle=True, seed=1))
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    for file in files:
        assert (folder / file).read_bytes() == (tmp_path / file).read_bytes(), file


def test_a_place_has_a_section_and_files_of_its_own(tmp_path: Path) -> None:
    page = _build(tmp_path, pl.concat([_results(), _results(dataset="Fonts & more")]))
    assert {"effects_1_fonts-more", "effects_2_digits"} <= set(page.specs)
    assert (tmp_path / "plots" / "effects_2_digits.csv").exists()
    assert "vision: Fonts & more" in page.text


def test_a_study_of_the_baseline_alone_and_one_without_clean_accuracy(tmp_path: Path) -> None:
    alone = _build(tmp_path / "alone", _results().filter(method="standard"))
    assert "There is no verdict" in alone.text
    assert "effects" not in alone.specs
    other = _build(tmp_path / "other", _results().filter(pl.col("measurement") != "clean/accuracy"))
    assert other.specs["safety_pgd-accuracy"]["layer"][2]["encoding"]["x"]["title"] == "capability score"
    empty = _build(tmp_path / "empty", RESULTS.empty(), RUNS.drop("flops"))
    assert empty.specs == {}


def test_without_a_capability_score_the_page_says_so_and_what_it_takes(tmp_path: Path) -> None:
    """Every standard run lacks one of two capability measurements: nothing can be held against capability."""
    results = _results()
    names = results.filter(axis="capability")["measurement"].unique().sort().to_list()
    assert len(names) > 1
    lacks = pl.when(pl.col("seed") == 0).then(pl.lit(names[0])).otherwise(pl.lit(names[1]))
    gone = (pl.col("method") == "standard") & (pl.col("measurement") == lacks)
    page = _build(tmp_path, results.filter(~gone))
    assert "No verdict: there is no capability score to hold safety against. It takes 3 standard runs" in page.text
    assert "; 0 of 12 have that" in page.text
    assert "no run has a value of" not in page.text


def test_a_measurement_that_is_no_part_of_the_capability_score_is_named(tmp_path: Path) -> None:
    results = _results()
    name = results.filter(axis="capability")["measurement"].unique().sort()[-1]
    patchy = results.filter((pl.col("measurement") != name) | (pl.col("seed") == 0) & (pl.col("model") == "cnn-0"))
    page = _build(tmp_path, patchy)
    assert f"{name} is no part of it: 1 of 12 standard runs have a value, fewer than half." in page.text
    assert "is no part of it" not in _build(tmp_path / "whole", results).text


def test_numbers_are_printed_with_their_units() -> None:
    share, plain = Measure("a", True, False, "safety"), Measure("b", False, True, "safety")
    assert [difference(v, share) for v in (0.0534, -0.02, 0.0, None)] == [
        "+5.3 points",
        "−2.0 points",
        "0.0 points",
        "–",
    ]
    assert [difference(v, plain) for v in (0.012345, -12.5)] == ["+0.0123", "−12.5"]
    assert difference(-0.001) == "0.00"
    assert interval(-0.01, 0.02, share) == "−1.0 to +2.0 points"
    assert interval(None, 0.02, share) == "–"
    values = (None, "cnn", 0, 1999, 120_000, 3.2e18, 9e19)
    assert [number(v) for v in values] == ["–", "cnn", "0", "1999", "120 k", "3.2 E", "90 E"]


def test_effects_keep_their_order_and_their_marks() -> None:
    results = _results()
    rows = effect_rows(findings(results, RUNS, seed=0, settings=QUICK)["effects"], measures(results))
    order = ["clean/accuracy", "transfer/accuracy", "pgd/accuracy", "clean/nll", "pc1", "clean_accuracy"]
    assert [row["name"] for row in rows] == order
    assert {row["name"] for row in rows if row["beyond"] > 0 and row["axis"] == "safety"} == {"pgd/accuracy"}


def test_the_trend_of_the_baseline_goes_through_runs_that_lie_on_a_line_of_logits() -> None:
    accuracy = np.array([0.3, 0.5, 0.7, 0.9])
    y = 1 / (1 + np.exp(-(0.5 + 2 * np.log(accuracy / (1 - accuracy)))))
    points = pl.DataFrame({"method": ["standard"] * 4, "x": accuracy, "y": y})
    trend = baseline_trend(points, percent=True)
    expected = 1 / (1 + np.exp(-(0.5 + 2 * np.log(trend["x"].to_numpy() / (1 - trend["x"].to_numpy())))))
    assert np.allclose(trend["y"].to_numpy(), expected)
    assert len(baseline_trend(points.head(2), percent=True)) == 0


def test_shares_are_those_whose_declared_range_is_from_0_to_1() -> None:
    results = _results()
    shown = measures(results)
    assert [name for name, measure in shown.items() if measure.percent] == [
        "clean/accuracy", "transfer/accuracy", "pgd/accuracy",
    ]  # fmt: skip
    wider = measures(results.with_columns(upper=pl.lit(np.inf), value=pl.lit(0.5)))
    unknown = measures(results.with_columns(lower=None, upper=None))
    assert not any(measure.percent for measure in (*wider.values(), *unknown.values()))
    outside = measures(results.with_columns(metric=pl.lit("x"), value=pl.lit(1.01), upper=pl.lit(1.0)))
    assert outside["clean/nll"].percent


def test_a_metric_with_a_target_is_shown_as_its_distance_from_it(tmp_path: Path) -> None:
    here = pl.col("measurement") == "clean/nll"
    facts = {"lower": -3.0, "upper": 3.0, "target": 0.5}
    signed = _results().with_columns(
        value=pl.when(here & (pl.col("seed") == 0)).then(1 - pl.col("value")).otherwise("value"),
        **{name: pl.when(here).then(pl.lit(fact)).otherwise(pl.col(name)) for name, fact in facts.items()},
    )
    page = _build(tmp_path, signed)
    chart = page.specs["safety_clean-nll"]["layer"][2]["encoding"]["y"]
    assert chart["title"] == "clean: nll, distance from 0.5 (axis turned: lower is better)"
    assert chart["scale"]["reverse"]
    values = signed.filter(here).sort("method", "model", "seed")["value"]
    assert [row["y"] for row in page.rows("safety_clean-nll", 2)] == as_shown((values - 0.5).abs().to_list())


def flat(page: Page) -> str:
    """The page's text, its white space made single spaces."""
    return re.sub(r"\s+", " ", page.text)


def test_the_levels_on_the_page_are_the_audits(tmp_path: Path) -> None:
    """Intervals, claims and false alarms go by what was chosen, wherever the page names them."""
    results = _results()
    risk = results.filter(measurement="clean/nll").with_columns(
        *(
            pl.lit(value).alias(name)
            for name, value in {"metric": "residual_risk", "pillar": "systemic safety"}.items()
        ),
        measurement=pl.lit("spurious/residual_risk"),
        condition=pl.lit("spurious"),
        value=pl.col("value") / 4,
    )
    results = checked(pl.concat([results, risk]), RESULTS)
    settings = replace(QUICK, alpha=0.1, false_discovery_rate=0.2)
    plan = plan_of(results, spurious=0.01, near=0.02)
    text = flat(_build(tmp_path, results, plan=plan, settings=settings))
    assert "with its 90 % interval" in text
    assert "The bars are 90 % intervals" in text
    assert "the joint 90 % region" in text
    assert "at most 20 % of the claims of each kind (gains, losses, no effect, ...) are expected to be false" in text
    assert "at most 20 % of the claims made where q is at most 0.2 are expected to be false" in text
    assert "one-sided tests at 10 %, false discovery rate 20 %" in text
    assert "at most 1 % (spurious), 2 % (near) false alarms" in text
    assert "5 % false" not in text


def test_the_page_says_what_was_measured(page: Page) -> None:
    """Every option of the plan, the number of images, the audit's choices; an area names what its condition was."""
    text = flat(page)
    for said in (
        "digits: train 100, noise 0.02",
        "epochs 3, precision float32",
        "24: 2 methods × 6 models × 2 seeds",
        "adversarial epsilon 0.0078",
        "pgd pgd norm linf, epsilon 0.0078, levels –, clean no 1234 test at checkpoints too",
        "clean: nll nll logits at the best temperature monitoring lower",
        '"margins":{"capability":0.2,"safety":{"pgd/accuracy":0.2}}',
        "made with not recorded",
    ):
        assert said in text, said
    assert "pgd/accuracy pgd: accuracy norm linf, epsilon 0.0078" in text.split("The study")[0]
    assert text.index("TRADE-OFF") < text.index("The study") < text.index("The verdicts as intervals")
    assert any("norm linf, epsilon 0.0078" in claim["hover"] for claim in page.claims)


def test_comparisons_across_environments_are_warned_of(tmp_path: Path) -> None:
    results = _results()
    runs = results.select("domain", "dataset", "method", "model", "seed", "step").unique()
    other = (pl.col("method") == "shield") & (pl.col("seed") == 1)
    made = [json.dumps({"dirty": name == "B", "processor": name, "torch": "2.13"}) for name in "AB"]
    environment = pl.when(other).then(pl.lit(made[1])).otherwise(pl.lit(made[0]))
    provenance = runs.with_columns(environment=environment, stage=pl.lit("train"))
    text = flat(_build(tmp_path, results, provenance=provenance))
    assert "made with torch 2.13, processor A and B, edited since" in text
    assert (
        "6 of 12 comparisons with standard training are between runs made with different processors (shield in 6 of "
        "12): a part of their difference may come of that."
    ) in text
    assert "Not all runs were made with the same: there are several states of the working tree." in text
    assert "The working tree had changes that were not committed" in text
    assert "train A False" not in flat(_build(tmp_path, results))


def test_what_failed_after_training_is_listed_with_its_reason(tmp_path: Path) -> None:
    about = {"reason": f"ArithmeticError: {SCRIPT}", "attempts": 2}
    failures = {"train": {}, "predict": {}, "measure": {"shield/cnn-1/0 under pgd": about}}
    page = _build(tmp_path / "failed", _results(), failures=failures)
    assert f"measure shield/cnn-1/0 under pgd ArithmeticError: {SCRIPT} 2" in flat(page)
    assert len(page.scripts) == len(_build(tmp_path / "whole", _results()).scripts)
    assert "Failed after training" not in flat(_build(tmp_path / "whole", _results()))


def test_what_was_planned_and_has_no_results_is_named_on_the_first_screen(tmp_path: Path) -> None:
    results = _results()
    areas = {"attacks": "pgd/accuracy", "trojans": "trojan/attack_success_rate"}
    plan = plan_of(pl.concat([results, _results("lost").filter(method="lost")]))
    text = flat(_build(tmp_path, results, plan=plan, areas=areas)).split("The study")[0]
    assert "No verdict on trojans: no run has a value of trojan/attack_success_rate that can be compared." in text
    assert "No verdict on the method lost: no run of it has results." in text
    assert "No verdict on attacks" not in text
    assert "There are no results of the task" not in text
    both = plan_of(pl.concat([results, _results(dataset="letters")]))
    text = flat(_build(tmp_path, results, plan=both)).split("The study")[0]
    assert "There are no results of the task letters: no run of it was measured." in text
    assert "No verdict on" not in flat(_build(tmp_path, results))


def test_no_name_in_the_csv_files_is_a_formula(tmp_path: Path) -> None:
    _build(tmp_path, _results("=HYPERLINK(1)"), areas={"@attacks": "pgd/accuracy"})
    verdicts = pl.read_csv(tmp_path / "plots/verdicts.csv")
    assert set(verdicts["method"]) == {"'=HYPERLINK(1)"}
    assert set(verdicts["area"].drop_nulls()) == {"'@attacks"}
    for file in (tmp_path / "plots").glob("*.csv"):
        cells = pl.read_csv(file, infer_schema=False)
        for column in set(cells.columns) & {"method", "area"}:
            assert not cells[column].drop_nulls().str.contains(r"^[=+\-@\t\r]").any(), (file, column)


def test_measurements_whose_names_look_alike_have_charts_of_their_own() -> None:
    names = [
        "corruptions/accuracy",
        "refusal+",
        "refusal-",
        "score",
        "Score",
        "\u8bd5\u9a8c",
        "x" * 70 + "1",
        "x" * 70 + "2",
    ]
    found = slugs(names)
    assert found["corruptions/accuracy"] == "corruptions-accuracy"
    assert len({*found.values()}) == len(names)
    assert all(re.fullmatch("[a-z0-9-]+", each) for each in found.values())
