"""Published numbers, made again from published tables: prints `reproduced / expected`, and each miss with the reason.

The folder holds the tables and expected_values.json (id, value, tol); none of it is part of this project. Tables are
read by the importer, with the specs below.

    python benchmarks/reference.py --reference DIR
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
from effective_robustness import effective_robustness, logit_fit
from reference_pairs import expected_of_pairs, pairs
from reference_tables import imported, results_of, spec

from analysis.bootstrap import resampled_spearman
from analysis.capability import SAFETYWASHING
from analysis.jumps.comparison import Comparison
from analysis.jumps.curve import curve_over_scale
from analysis.jumps.shape import jump
from analysis.observational import observational
from pipelines.metrics import (
    accuracy,
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
    rms_calibration_error,
)
from pipelines.outcomes import Outcomes
from stages.imports.check import Checked

Values = Iterator[tuple[str, float]]

MIDPOINTS = {"word_unscrambling_2_exact_match": 23.86, "parsinlu_qa_2_acc": 24.11, "arithmetic_3ds_2_acc": 22.60}
MIDPOINT_TOLERANCE = 0.1  # in log10 FLOPs: the fit is on a grid of centres and widths
CELL_TOLERANCE = 0.101
SHIFTS = ("imagenetv2-matched-frequency-format-val", "imagenet-sketch", "pgd.linf.eps2")


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's correlation over the pairs that are complete."""
    both = ~(np.isnan(x) | np.isnan(y))
    return float(resampled_spearman(x[both], y[both, None], np.ones((1, int(both.sum()))))[0, 0])


def column(found: Checked, name: str) -> np.ndarray:
    """A measured column, gaps as NaN."""
    return found.values[name].fill_null(np.nan).to_numpy()


def safetywashing(folder: Path) -> Values:
    """Shares, scores and printed cells of Ren et al. (2024)."""
    printed = pl.read_csv(folder / "safetywashing/paper_reported_correlations.csv")
    for kind in ("base", "chat"):
        cells = printed.filter(pl.col("set") == kind, pl.col("against") != "compute")
        own = cells.filter(pl.col("against") == "own_accuracy")["column"]
        accuracy_of = {name: next(c for c in SAFETYWASHING if name.endswith(c)) for name in own}
        about = spec(
            key=("model",),
            scale={"flops": ("FLOP", 1.0)},
            capability=SAFETYWASHING,
            ignore=("name", "type", "model_size"),
            against=accuracy_of,
        )
        found = imported(folder, f"safetywashing/benchmarks_{kind}_models.csv", about)
        tables = observational(results_of(found), score="safetywashing", against=accuracy_of, draws=10)
        yield f"sw.{kind}.pc1_share", tables["capability_weights"]["explained"][0]
        capability = np.stack([column(found, name) for name in SAFETYWASHING], axis=1)
        ones = np.ones((1, len(capability)))
        matrix = np.array([resampled_spearman(x, capability, ones)[0] for x in capability.T])
        above = matrix[np.triu_indices(len(matrix), 1)]
        yield f"sw.{kind}.mean_offdiag", above.mean()
        yield f"sw.{kind}.sd_offdiag", above.std()
        for model, score in tables["capability"].select("model", "score").iter_rows():
            yield f"sw.{kind}.score.{model}", score
        pooled = tables["correlations"].filter(pl.col("population") == "pooled")
        estimate = dict(pooled.select("measurement", "estimate").iter_rows())
        yield f"sw.{kind}.score_vs_flop", estimate["flops"]
        missed = [
            (name, 100 * estimate[name], paper)
            for name, paper in cells.select("column", "paper").iter_rows()
            if abs(100 * estimate[name] - paper) > CELL_TOLERANCE
        ]
        for name, value, paper in missed:
            print(f"  {kind} {name}: {value:.3f}, printed {paper}")
        yield f"sw.{kind}.cells_within_0.1", len(cells) - len(missed)


def timm(folder: Path) -> Values:
    """Agreement of ImageNet's variants with ImageNet, joined on model and image size."""
    files = {
        "real": "results-imagenet-real.csv",
        "v2": "results-imagenetv2-matched-frequency.csv",
        "sketch": "results-sketch.csv",
        "a": "results-imagenet-a.csv",
    }
    kept = ("top1", *(f"{name}/top1" for name in files))
    about = spec(
        key=("model", "img_size"), safety=kept, percent=kept, join={prefix: (file, 1) for prefix, file in files.items()}
    )
    found = imported(folder, "timm/results-imagenet.csv", about)
    clean = column(found, "top1")
    for name in files:
        shifted = column(found, f"{name}/top1")
        fit = logit_fit(clean, shifted)
        yield f"timm.{name}.vs.clean.spearman", spearman(clean, shifted)
        yield f"timm.{name}.vs.clean.logit_slope", fit.slope
        yield f"timm.{name}.vs.clean.logit_r", fit.r


def robustbench(folder: Path) -> Values:
    """Clean against robust accuracy, threat by threat."""
    measured = ("clean_acc", "autoattack_acc", "corruptions_acc", "corruptions_mce")
    found = imported(folder, "robustbench/model_info.csv", spec(key=("dataset", "threat", "model"), safety=measured))
    models = found.models["model"]
    for place, metric in (
        ("cifar10, Linf", "autoattack_acc"),
        ("cifar100, Linf", "autoattack_acc"),
        ("cifar10, corruptions", "corruptions_acc"),
        ("imagenet, corruptions", "corruptions_mce"),
    ):
        rows = models.str.starts_with(place).to_numpy()
        value = spearman(column(found, "clean_acc")[rows], column(found, metric)[rows])
        yield f"rb.{place.replace(', ', '.')}.{metric}", value


def testbed(folder: Path) -> Values:
    """Effective robustness by class of model (Taori et al. 2020)."""
    measured = ("val", *SHIFTS)
    about = spec(key=("model",), safety=measured, percent=measured)
    found = imported(folder, "imagenet_testbed/robustness_top1s.csv", about)
    table = pl.read_csv(folder / "imagenet_testbed/model_types.csv")
    kinds = found.models.join(table, on="model", how="left", maintain_order="left")["type"].fill_null("").to_numpy()
    plain = ~found.models["model"].str.contains("subsample|aws|batch64").to_numpy()
    clean = column(found, "val")
    for shift in SHIFTS:
        shifted = column(found, shift)
        counted = (clean >= 0.55) & (shifted > 0)
        points, fit = effective_robustness(clean, shifted, counted & plain & (kinds == "STANDARD"))
        yield f"tb.{shift}.slope", fit.slope
        yield f"tb.{shift}.r", fit.r
        for kind in ("LP_ADV", "ROBUST_INTV", "MORE_DATA"):
            yield f"tb.{shift}.eff.{kind}", points[counted & (kinds == kind)].mean()


def open_clip(folder: Path) -> Values:
    """ImageNet's variants against ImageNet over CLIP models."""
    found = imported(folder, "open_clip/openclip_results.csv", spec(key=("name", "pretrained"), safety=("ImageNet*",)))
    for name in ("ImageNet-A", "ImageNet-O", "ImageNet v2"):
        yield f"oc.{name}", spearman(column(found, "ImageNet 1k"), column(found, name))


def calibration(folder: Path) -> Values:
    """Metrics of a published softmax on the CIFAR-10 test set."""
    probabilities = np.load(folder / "cifar10_1/cleanlab_cifar10_test_pyx.npy").astype(np.float64)
    labels = np.load(folder / "cifar10_1/labels_original.npy").astype(np.int64)
    unused = np.full(len(labels), -1)
    logits = np.log(np.maximum(probabilities, 1e-300))
    outcomes = Outcomes(logits, labels, np.arange(len(labels)), unused, unused)
    yield "calib.acc", accuracy.metric()(outcomes).value
    yield "calib.brier_sum", brier_score.metric()(outcomes).value
    yield "calib.nll", negative_log_likelihood.metric()(outcomes).value
    yield "calib.ece15", expected_calibration_error.metric(equal_width=15)(outcomes).value
    yield "calib.rms15", rms_calibration_error.metric(equal_width=15)(outcomes).value


def scaling(folder: Path) -> Values:
    """TruthfulQA against training FLOPs within families."""
    about = spec(key=("Model",), family="Model Family", scale={"flops": ("FLOPs (1E21)", 1e21)}, safety=("TruthfulQA",))
    found = imported(folder, "obsscaling/base_llm_benchmark_eval.csv", about)
    tables = observational(results_of(found), score="flops", draws=10)
    within = tables["family_correlations"].filter(pl.col("measurement") == "TruthfulQA")
    for family, estimate in within.select("family", "estimate").iter_rows():
        yield f"obs.truthfulqa.{family}", estimate


def midpoints(folder: Path) -> Values:
    """Where the abilities that come suddenly come, in log10 training FLOPs."""
    benchmarks = spec(key=("Model",), family="Model Family", scale={"flops": ("FLOPs (1E21)", 1e21)}, safety=("MMLU",))
    sizes = imported(folder, "obsscaling/base_llm_benchmark_eval.csv", benchmarks).models.select("model", "flops")
    found = imported(
        folder, "obsscaling/base_llm_emergent_capability_eval.csv", spec(key=("Model",), safety=tuple(MIDPOINTS))
    )
    flops = found.models.select("model").join(sizes, on="model", how="left", maintain_order="left")["flops"]
    x = np.log10(flops.fill_null(np.nan).to_numpy())
    for name in MIDPOINTS:
        y = column(found, name)
        both = ~(np.isnan(x) | np.isnan(y))
        shape = jump(Comparison(curve_over_scale(x[both], y[both])), 50, np.random.default_rng(0))
        yield f"midpoint.{name}", shape.midpoint


SOURCES: tuple[Callable[[Path], Values], ...] = (
    *(safetywashing, timm, robustbench, testbed, open_clip, calibration, scaling, midpoints, pairs),
)


def main() -> int:
    """Print what was reproduced and what was not, and why; the exit status, 1 where a value is off."""
    parser = argparse.ArgumentParser(description="Published numbers, made again from published tables.")
    parser.add_argument("--reference", type=Path, help="the folder with the tables and expected_values.json")
    folder = parser.parse_args().reference
    if folder is None:
        print("no --reference folder: nothing to reproduce")
        return 0
    expected = json.loads((folder / "expected_values.json").read_text())
    expected += [{"id": f"midpoint.{k}", "value": v, "tol": MIDPOINT_TOLERANCE} for k, v in MIDPOINTS.items()]
    expected += expected_of_pairs(folder)
    found = dict(value for source in SOURCES for value in source(folder))
    off = 0
    for one in expected:
        if one["id"] not in found:
            print(f"  {one['id']}: not computed: no source gives it")
        elif not abs(found[one["id"]] - one["value"]) <= one["tol"]:
            print(f"  {one['id']}: {found[one['id']]:.6g}, expected {one['value']:.6g} within {one['tol']:g}")
            off += 1
    computed = [one["id"] for one in expected if one["id"] in found]
    cells = {name: value for name, value in found.items() if name.endswith("cells_within_0.1")}
    print(f"printed cells of Safetywashing within {CELL_TOLERANCE}: {sum(cells.values())} / 251")
    print(
        f"reproduced / expected: {len(computed) - off} / {len(expected)}, {len(expected) - len(computed)} not computed"
    )
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
