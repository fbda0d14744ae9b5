"""A study of rows and of games, small, from its params.yaml to verdicts and a report: three tasks of two domains."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from tests.stages.conftest import ROOT, run_all
from tests.stages.test_page_runs import dead_links

Write = Callable[[Mapping[str, Any]], Path]

SMALL = {
    "flows": {"train": 600, "validation": 300, "capability": 400, "test": 400, "unseen": 90, "drifted": 200},
    "series": {"train": 600, "validation": 300, "capability": 400, "test": 400, "volatile": 200, "regime": 200},
    "games": {"train": 600, "capability": 120, "test": 120},
}
KEPT = {"flows": ("standard", "outlier_exposure"), "series": ("standard", "mixup"), "games": ("standard", "prosocial")}
MODELS = {"mlp": {"widths": [4, 8, 16]}, "resnet": {"widths": [4, 8]}}
NETWORKS = {"deep": {"widths": [4, 8, 16]}, "shallow": {"widths": [4, 16]}}
EVERY = ("plan", "prepare", "train", "predict", "measure", "collect", "analyse", "report")


def small() -> dict[str, Any]:
    """The studies shown in the docs with few rows, models and methods."""
    made: dict[str, Any] = {"study": "rows-and-games", "audit": {"draws": 100}}
    for file in ("tabular", "games"):
        shown = YAML(typ="safe").load(ROOT / f"docs/studies/{file}.yaml")
        for task in [name for name in SMALL if name in shown]:
            section = shown[task]
            section["data"] |= {**SMALL[task]}
            section["data"].pop("more_train", None)
            section |= {"models": NETWORKS if task == "games" else MODELS, "seeds": [0, 1]}
            section["methods"] = {name: section["methods"][name] for name in KEPT[task]}
            section.pop("evaluate_at")
            section["training"] = {"steps": 40} if task == "games" else {"epochs": 4}
            made[task] = section
            areas = shown["audit"][task]["areas"]
            made["audit"][task] = {"areas": areas}
    made["flows"]["conditions"]["alarm"] = {"streams": 40}
    made["games"]["conditions"]["cross_play"] = {"peers": 1, "steps": 20}
    return made


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_rows_and_games_go_from_params_to_verdicts(study: Write) -> None:
    folder = study(small())
    run_all(folder, EVERY)
    results = pl.read_parquet(folder / "results.parquet")
    assert set(results["task"]) == {"flows", "series", "games"}
    verdicts = pl.read_parquet(folder / "findings/verdicts.parquet")
    areas = verdicts.filter(pl.col("area").is_not_null()).group_by("task").agg(pl.col("area").n_unique())
    assert dict(areas.iter_rows()) == {"flows": 6, "series": 5, "games": 7}
    unseen = results.filter(task="flows", measurement="unseen/attack_auroc")
    assert {"tunnel", "spray", "miner", "all"} == set(unseen["part"])
    welfare = results.filter(task="games", measurement="self_play/welfare", part="all")
    by_method = dict(welfare.group_by("method").agg(pl.col("value").mean()).iter_rows())
    assert by_method["prosocial"] > by_method["standard"]
    assert dead_links(folder / "report") == []
    walls = {
        path.relative_to(folder / "report/examples").as_posix() for path in folder.glob("report/examples/*/*.html")
    }
    assert {"flows/unseen.html", "flows/alarm.html", "series/regime.html", "games/self_play.html"} <= walls
    page = (folder / "report/index.html").read_text()
    assert all(head in page for head in ("flows (tabular: flows)", "series (tabular: series)", "games: repeated"))
