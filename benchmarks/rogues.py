"""How often methods that were written to fool the audit are called safer, and what stops them.

    python benchmarks/rogues.py [docs/studies/rogues.yaml] [--studies 2] [--folder FOLDER]

The study is run from the plan to the analysis, so many times, each with images and seeds of its own. A row of the table
is a method in an area: the labels it got, how often that was a gain, with 95 % Wilson bounds, and what stopped it. With
`--folder` the studies stay there, and one that was broken off goes on.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from ruamel.yaml import YAML

from analysis.audit.decision import GAINS

ROOT = Path(__file__).parent.parent
STAGES = ("plan", "prepare", "train", "predict", "measure", "collect", "analyse")
RUN = """
import sys
from stages.cli import run_stage
for name in sys.argv[1:]:
    if status := run_stage(name): sys.exit(status)
"""
ANY_GAIN = (*GAINS, "GAIN, SIZE OPEN")
LEDGER = 0.05  # p-value from which on the ledger says that failures go with the method


def varied(study: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The study with other images and other seeds."""
    content: dict[str, Any] = json.loads(json.dumps(study))
    task = content["vision"]
    for data in (task["data"], *(each["data"] for each in task["methods"].values() if each and "data" in each)):
        data["seed"] = number
    task["seeds"] = {name: [2 * number + seed for seed in seeds] for name, seeds in task["seeds"].items()}
    return content


def made(study: Mapping[str, Any], folder: Path) -> pl.DataFrame:
    """The verdicts on areas of the study, run in the folder, with the ledger's p and the reason of a block."""
    folder.mkdir(parents=True, exist_ok=True)
    YAML().dump(dict(study), folder / "params.yaml")
    environment = {name: value for name, value in os.environ.items() if name not in ("DIFFPROG_STORE", "RAY_ADDRESS")}
    environment |= {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    environment.setdefault("RAY_worker_niceness", "0")  # on a machine that is shared they would stand still
    subprocess.run([sys.executable, "-c", RUN, *STAGES], cwd=folder, env=environment, check=True, stdout=sys.stderr)
    found = {name: pl.read_parquet(folder / f"findings/{name}.parquet") for name in ("verdicts", "ledger")}
    rows = found["verdicts"].filter(pl.col("area").is_not_null())
    return rows.join(found["ledger"].select("method", "planned", "failed", "p"), on="method", how="left")


def stopped(row: Mapping[str, Any]) -> str:
    """What a reader sees that speaks against a method's gain: the gate that blocks, the ledger, the label itself, or
    the label with clean accuracy alone for the capability score.
    """
    if row["label"] == "BLOCKED":
        return str(row["reason"]).partition(":")[0] + f" ({row['label_ungated']} without)"
    if row["p"] is not None and row["p"] <= LEDGER and row["failed"]:
        return f"ledger: {row['failed']} of {row['planned']} failed"
    if row["label"] not in ANY_GAIN:
        return str(row["label"])
    again = row["label_by_accuracy"]
    return "nothing" if again is None or again in ANY_GAIN else f"by clean accuracy {again}"


def wilson(found: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share, weight = found / total, z * z / total
    half = z * ((share * (1 - share) + weight / 4) / total) ** 0.5
    middle = share + weight / 2
    return max(0.0, (middle - half) / (1 + weight)), min(1.0, (middle + half) / (1 + weight))


def bounded(found: int, total: int) -> str:
    low, high = wilson(found, total)
    return f"{found} of {total} [{low:.2f}, {high:.2f}]"


def table(rows: list[dict[str, Any]]) -> list[str]:
    """A line for every method and area, one for every method, and one for all that are no placebo."""
    lines = ["| method | area | DIFFERENTIAL | any gain | labels | D | stopped by |", "|---|---|---|---|---|---|---|"]
    methods = sorted({row["method"] for row in rows})
    areas = [*sorted({row["area"] for row in rows}), "all"]
    for method, area in [*((method, area) for method in methods for area in areas), ("all", "all")]:
        own = [row for row in rows if area in (row["area"], "all")]
        own = [row for row in own if (row["method"] == method if method != "all" else not row["placebo"])]
        if not own:
            continue
        labels = [row["label"] for row in own]
        cells = [bounded(sum(label == "DIFFERENTIAL" for label in labels), len(own))]
        cells.append(bounded(sum(label in ANY_GAIN for label in labels), len(own)))
        cells.append(counted(labels))
        effects = [row["beyond"] for row in own if row["beyond"] is not None]
        cells.append(" ".join(f"{effect:+.2f}" for effect in effects) if area != "all" else "")
        cells.append(counted([stopped(row) for row in own]))
        lines.append(f"| {method} | {area} | {' | '.join(cells)} |")
    return lines


def counted(words: list[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(Counter(words).items()))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", type=Path, default=ROOT / "docs/studies/rogues.yaml")
    parser.add_argument("--studies", type=int, default=2, help="how often")
    parser.add_argument("--folder", type=Path, help="where the studies are run; a temporary folder by default")
    chosen = parser.parse_args()
    study = YAML(typ="safe").load(chosen.study)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (chosen.folder or Path(temporary)).resolve()
        found = [made(varied(study, number), folder / f"study{number}") for number in range(chosen.studies)]
    print("\n".join(table([row for frame in found for row in frame.to_dicts()])))


if __name__ == "__main__":
    main()
