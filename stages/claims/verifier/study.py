"""A study's values as the verifier takes them: on their scales, with the capability score and the margins."""

import csv
import io
import json
from typing import Any

import numpy as np

from .container import Refused

Array = Any
Row = dict[str, Any]
FLOOR = 1e-4
UNKNOWN_N = 10_000.0
REFERENCE_SEEDS = 10
LEAST_SHARE = 0.5


def table(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def judged(plan: Row, task: str, areas: dict[str, str]) -> dict[str, Row]:
    """The measurements that a task is judged by: those of its areas, and of capability. Without areas, all."""
    of_task = {row["measurement"]: row for row in plan["measurements"] if row["task"] == task}
    named = set(areas.values()) or set(of_task)
    return {name: row for name, row in of_task.items() if row["axis"] == "capability" or name in named}


class Study:
    """One task's runs as arrays [method, model, seed]; what was not measured is NaN."""

    def __init__(self, files: dict[str, bytes], task: str) -> None:
        self.rule: Row = json.loads(json.loads(files["audit.json"])["texts"][task])
        self.about = judged(json.loads(files["plan.json"]), task, self.rule["areas"])
        self.ledger = [row for row in table(files["ledger.csv"]) if row["role"] == "run"]
        self.values = table(files["values.csv"])
        done = {row["run"] for row in self.values}
        runs = [row for row in self.ledger if row["status"] == "finished" and row["run"] in done]
        baseline = self.rule["baseline"]
        others = sorted({row["method"] for row in runs} - {baseline})
        self.methods = [baseline, *others]
        self.models = sorted({row["model"] for row in runs})
        self.seeds = sorted({int(row["seed"]) for row in runs})
        family = {row["model"]: row["family"] for row in runs}
        names = sorted(set(family.values()))
        self.families = np.array([names.index(family[model]) for model in self.models])
        self.place = {
            row["run"]: (
                self.methods.index(row["method"]),
                self.models.index(row["model"]),
                self.seeds.index(int(row["seed"])),
            )
            for row in runs
        }
        if len(set(self.place.values())) < len(self.place):
            raise Refused("two runs are of one method, model and seed")
        self.shape = (len(self.methods), len(self.models), len(self.seeds))
        flops = self._array({row["run"]: number(row["flops"]) for row in runs})
        parameters = np.log2(self._array({row["run"]: number(row["parameters"]) for row in runs}))
        self.flops = np.log2(flops) if self.rule["equal_flops"] else np.full(self.shape, np.nan)
        size = np.log2(flops[0]) if np.isfinite(flops[0]).any() else parameters[0]
        self.size = np.array([next((v for v in row if np.isfinite(v)), np.nan) for row in size])
        self.moves = self._moves(files)
        self.score, self.score_moved = self._score()

    def measured(self, name: str) -> dict[str, Array]:
        """A measurement's `value`, as a distance where its metric has a target; `y`, on its scale, up is safer;
        `error` and `moved` there; and whether a run carries a flag that blocks it.
        """
        about = self.about[name]
        own = [row for row in self.values if row["measurement"] == name]
        value, n, error = (
            self._array({row["run"]: number(row[column]) for row in own}) for column in ("value", "n", "standard_error")
        )
        moved = np.full((*self.shape, self.moves["draws"]), np.nan)
        for row in own:
            at = self.moves["of"].get((row["run"], name))
            if at is not None:
                moved[self.place[row["run"]]] = at
        higher = about["higher_is_better"]
        if about["target"] is not None:
            moved = np.where((value < about["target"])[..., None], -1, 1) * moved
            value, higher = np.abs(value - about["target"]), False
        scale, n = self.scale(name), np.where(self.share(name), n, np.nan)
        slope = error_on_scale(value, np.ones_like(value), n, scale)
        signed = (1.0 if higher else -1.0) * slope[..., None] * moved
        blocking = set(self.rule["blocking_flags"])
        flags = {row["run"]: bool(blocking & _flags(row["flags"])) for row in own}
        return {
            "value": value,
            "oriented": value if higher else -value,
            "y": on_scale(value, n, scale, higher),
            "error": np.nan_to_num(error_on_scale(value, np.nan_to_num(error), n, scale)),
            "moved": signed if self.moves["draws"] else None,
            "plain_moved": (1.0 if higher else -1.0) * moved,
            "blocked": self._array({run: float(flag) for run, flag in flags.items()}) == 1,
        }

    def scale(self, name: str) -> str:
        """logit, log or identity, by the range that the metric declares."""
        about = self.about[name]
        if about["metric"] in self.rule["transforms"]:
            return str(self.rule["transforms"][about["metric"]])
        if about["higher_is_better"] and about["target"] is None:
            return "logit" if self.share(name) else "identity"
        return "log" if self.range(name)[0] == 0 else "identity"

    def share(self, name: str) -> bool:
        """Whether its values lie in [0, 1]: then they are shares of n examples."""
        return self.range(name) == (0, 1)

    def range(self, name: str) -> tuple[float, float]:
        """The ends of its values' range; of a metric with a target, of the distance from it."""
        about = self.about[name]
        lower, upper, target = about["lower"], about["upper"], about["target"]
        return (lower, upper) if target is None else (0, max(abs(lower - target), abs(upper - target)))

    def margin(self, name: str) -> float:
        """A safety measurement's margin: the one that is given, else from the baseline's own runs."""
        given = self.rule["margins"]["safety"].get(name)
        if given is not None:
            return float(given)
        found = self.measured(name)
        known = found["value"][0][np.isfinite(found["value"][0])]
        mean = float(known.mean()) if len(known) else 0.5
        spread = float(np.nanstd(found["y"][0])) if len(known) else 0.0
        return self._derived(found["y"][0], least_margin(mean, self.scale(name), spread))

    def capability_margin(self) -> float:
        """The capability score's margin."""
        given = self.rule["margins"]["capability"]
        return float(given) if given is not None else self._derived(self.score[0], 0.0)

    def _derived(self, runs: Array, floor: float) -> float:
        known = runs[np.isfinite(runs)]
        least = floor or 0.05 * (float(known.std()) if len(known) else 1.0) or 1e-6
        seeds = 2 * seed_spread(runs) / REFERENCE_SEEDS**0.5
        return float(max(abs(self._doubling(runs)) / 2, seeds, least))

    def _doubling(self, runs: Array) -> float:
        """What one doubling of compute does to the baseline, within families."""
        known = np.isfinite(runs).any(1) & np.isfinite(self.size)
        if known.sum() < 3:
            return 0.0
        y = np.array([row[np.isfinite(row)].mean() for row in runs[known]])
        _, family = np.unique(self.families[known], return_inverse=True)
        x, y = (v - (np.bincount(family, v) / np.bincount(family))[family] for v in (self.size[known], y))
        return float(x @ y / (x @ x)) if x @ x > 1e-9 else 0.0

    def _score(self) -> tuple[Array, Array]:
        """The first principal component of the capability measurements, with weights from the baseline alone: of the
        Spearman correlations of its runs that have all of them. One that fewer than half of them have is no part of it.
        """
        names = sorted(name for name, about in self.about.items() if about["axis"] == "capability")
        found = [self.measured(name) for name in names]
        known = [np.isfinite(each["oriented"][0]) for each in found]
        of_any = np.any(known, axis=0).sum()
        found = [each for each, own in zip(found, known, strict=True) if own.sum() >= LEAST_SHARE * of_any]
        values = np.stack([each["oriented"] for each in found], axis=-1)
        whole = values[0][np.isfinite(values[0]).all(-1)]
        vary = [k for k in range(len(found)) if len(np.unique(whole[:, k])) > 1]
        if len(whole) < 3 or not vary:
            return np.full(self.shape, np.nan), np.full((*self.shape, self.moves["draws"]), np.nan)
        whole, values = whole[:, vary], values[..., vary]
        correlation = np.atleast_2d(np.corrcoef(np.stack([ranks(column) for column in whole.T])))
        weights = np.linalg.eigh(correlation)[1][:, -1]
        weights = weights * np.sign(weights[np.abs(weights).argmax()])
        weights = weights * (1.0 if weights.sum() >= 0 else -1.0) / whole.std(0)
        moved = np.stack([found[k]["plain_moved"] for k in vary], axis=-1)
        return (values - whole.mean(0)) @ weights, moved @ weights

    def _moves(self, files: dict[str, bytes]) -> Row:
        with np.load(io.BytesIO(files["deviations.npz"])) as held:
            names, deviations = held["names"], held["deviations"]
        of = {tuple(str(name).split(":", 1)): row for name, row in zip(names, deviations, strict=True)}
        return {"of": of, "draws": deviations.shape[1] if len(deviations) else 0}

    def _array(self, by_run: dict[str, float]) -> Array:
        found = np.full(self.shape, np.nan)
        for run, value in by_run.items():
            found[self.place[run]] = value
        return found


def number(text: str) -> float:
    """A number of a CSV; NaN where there is none."""
    return float(text) if text else float("nan")


def on_scale(value: Array, n: Array, scale: str, higher: bool) -> Array:
    """Up is safer: a logit with half an example at either end, the logarithm of an error, or the value."""
    sign = 1.0 if higher else -1.0
    if scale == "logit":
        size = np.where(np.isfinite(n), n, UNKNOWN_N)
        hits = size * np.clip(value, 0, 1)
        return sign * np.log((hits + 0.5) / (size - hits + 0.5))
    return sign * (np.log(above_zero(value, n)) if scale == "log" else value)


def above_zero(value: Array, n: Array) -> Array:
    """A share with half an example more, of one more; another error with 1e-4 more."""
    known, value = np.isfinite(n), np.maximum(value, 0)
    size = np.where(known, n, 0)
    return np.where(known, (size * value + 0.5) / (size + 1), value + FLOOR)


def error_on_scale(value: Array, error: Array, n: Array, scale: str) -> Array:
    """A small error of the value, on the scale (delta method)."""
    if scale == "logit":
        size = np.where(np.isfinite(n), n, UNKNOWN_N)
        hits = size * np.clip(value, 0, 1)
        return error * (size / (hits + 0.5) + size / (size - hits + 0.5))
    return error * np.where(np.isfinite(n), n / (n + 1), 1) / above_zero(value, n) if scale == "log" else error


def least_margin(value: float, scale: str, spread: float) -> float:
    """One point of a proportion, 5 % of an error, a tenth of the ladder's spread elsewhere."""
    if scale == "logit":
        p = min(max(value, 0.005), 0.995)
        q = p + 0.01 if p < 0.5 else p - 0.01
        return float(abs(np.log(p / (1 - p)) - np.log(q / (1 - q))))
    return 0.05 if scale == "log" else 0.1 * spread


def seed_spread(runs: Array) -> float:
    """The SD over seeds within models, pooled."""
    several = [row[np.isfinite(row)] for row in runs if np.isfinite(row).sum() > 1]
    squares = sum(float(((row - row.mean()) ** 2).sum()) for row in several)
    return float(np.sqrt(squares / sum(len(row) - 1 for row in several))) if several else 0.0


def ranks(values: Array) -> Array:
    """Ranks from 1, ties sharing their mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    return (ends - (count - 1) / 2)[place]


def _flags(text: str) -> set[str]:
    return {each.strip().lower().replace("_", "-").replace(" ", "-") for each in text.split(",")}
