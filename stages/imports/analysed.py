"""`diffprog analyse`: the statistics of an imported study as tables, and what they say."""

import sys
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from analysis.audit.settings import AuditSettings, Margins
from analysis.correlation import FEW_FAMILIES
from analysis.elsewhere import elsewhere
from analysis.observational import POOLED
from analysis.schema import TableError
from analysis.words import several
from stages.arguments import made
from stages.errors import StoreError, TrackingError
from stages.imports.said import said
from stages.imports.tracked import Imported, collect
from stages.page.imported import charted, write_page
from stages.page.spreadsheets import write_csv
from stages.page.tasks import Specs


def analyse_study(study: str, out: Path, score: str) -> int:
    """Write the tables of an imported study into a folder, as Parquet and CSV, and print what they say; the exit
    status.
    """
    try:
        imported = collect(study)
        found, notes = tables_of(imported, score)
        made(out)
    except (TrackingError, StoreError, TableError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    _write(imported, found, out)
    models = imported.results["model"].n_unique()
    print(f"{study}: {several(models, 'model')}, {several(len(found['correlations']), 'correlation')} in {out}")
    for line in [*notes, *_rough(found["correlations"]), *said(found)]:
        print(f"  {line}")
    return 0


def report_study(study: str, out: Path, score: str) -> int:
    """Write the page of an imported study into a folder, and its tables below `tables/`; the exit status."""
    try:
        imported = collect(study)
        found, notes = tables_of(imported, score)
        made(out)
    except (TrackingError, StoreError, TableError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    write_page(study, imported.results, imported.models, found, score, settings_of(imported), notes, out)
    _write(imported, found, out / "tables")
    print(f"the report is at {out / 'index.html'}")
    return 0


def figures_of(study: str, score: str) -> Specs:
    """The charts of an imported study. Raises TrackingError, TableError, ValueError."""
    imported = collect(study)
    found, _ = tables_of(imported, score)
    return charted(study, imported.results, imported.models, found, score)[2]


def _write(imported: Imported, found: Mapping[str, pl.DataFrame], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in {"results": imported.results, **found}.items():
        frame.write_parquet(out / f"{name}.parquet", statistics=False)
        write_csv(frame, out / f"{name}.csv")


def tables_of(imported: Imported, score: str) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """The tables of `analysis.elsewhere` of an imported study, and what is to be said of who takes no part."""
    return elsewhere(
        imported.results,
        imported.models,
        score=score,
        against=imported.against,
        settings=settings_of(imported),
        items=imported.items,
    )


def settings_of(imported: Imported) -> AuditSettings:
    """How an imported study is judged: by the margins and the placebos of its spec."""
    return AuditSettings(margins=_margins(imported.margins), placebos=imported.placebos)


def _margins(given: dict[str, float]) -> Margins:
    safety = {name: margin for name, margin in given.items() if name != "capability"}
    return Margins(safety, given.get("capability"))


def _rough(correlations: pl.DataFrame) -> list[str]:
    rough = correlations.filter(pl.col("population") == POOLED)["rough"]
    if not rough.any():
        return []
    return [
        f"{rough.sum()} of {len(rough)} pooled correlations are over fewer than {FEW_FAMILIES} known families:",
        "their intervals are rough, likely too narrow",
    ]
