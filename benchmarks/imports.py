"""How long imports take: a large table read and checked; models in pairs logged to MLflow, read back and analysed.

python benchmarks/imports.py [--rows 100000] [--columns 200] [--models 3821] [--measured 12]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from stages.imports.analysed import tables_of
from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.spec import Spec
from stages.imports.tracked import collect, log

BASELINES = 200


def table(folder: Path, rows: int, columns: int) -> Path:
    """A CSV of a model in each row, with random fractions."""
    rng = np.random.default_rng(0)
    names = pl.Series("model", [f"org/model-{row}" for row in range(rows)])
    values = {f"benchmark-{column}": rng.random(rows).round(4) for column in range(columns)}
    path = folder / f"{rows}x{columns}.csv"
    pl.DataFrame([names, *(pl.Series(name, value) for name, value in values.items())]).write_csv(path)
    return path


def in_pairs(path: Path) -> Path:
    """The same table with 200 baselines in 70 families, and five methods of which each other model has one."""
    names = pl.read_csv(path)["model"]
    rows = [(k, k % 70, "", "") for k in range(min(BASELINES, len(names)))]
    rng = np.random.default_rng(1)
    for k in range(len(rows), len(names)):
        base = int(rng.integers(BASELINES))
        rows.append((k, base % 70, f"method-{k % 5}", names[base]))
    about = pl.DataFrame(rows, schema=["row", "family", "method", "baseline"], orient="row").drop("row")
    pl.concat([pl.read_csv(path), about], how="horizontal").write_csv(path)
    return path


def checked(path: Path, **fields: Any) -> Checked:
    """The table as the importer reads it."""
    spec = Spec("spec.yaml", path.parent, "benchmark", key=("model",), **fields)
    return check(read_table(path, spec), spec)


def timed(what: str, started: tuple[float, float]) -> None:
    """Print how long it took, on the clock and of CPU."""
    wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    print(f"{what}: {wall:.1f} s, {cpu:.1f} s of CPU")


def now() -> tuple[float, float]:
    """The clock and the CPU's time."""
    return time.perf_counter(), time.process_time()


def main() -> None:
    """Time both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 100_000), ("columns", 200), ("models", 3821), ("measured", 12)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        large = table(Path(folder), chosen.rows, chosen.columns)
        started = now()
        found = checked(large, capability=("benchmark-0", "benchmark-1"))
        timed(
            f"{chosen.rows:,} x {chosen.columns} cells ({large.stat().st_size / 1e6:.0f} MB) read and checked", started
        )
        assert found.values.shape == (chosen.rows, chosen.columns)
        capability = tuple(f"benchmark-{column}" for column in range(chosen.measured // 2))
        path = in_pairs(table(Path(folder), chosen.models, chosen.measured))
        found = checked(path, capability=capability, family="family", method="method", baseline="baseline")
        started = now()
        log(found)
        timed(f"{chosen.models:,} models x {chosen.measured} logged and verified", started)
        started = now()
        imported = collect("benchmark")
        assert len(imported.results) == chosen.models * chosen.measured
        timed("read back", started)
        started = now()
        tables_of(imported, "pc1")
        timed("analysed", started)


if __name__ == "__main__":
    main()
