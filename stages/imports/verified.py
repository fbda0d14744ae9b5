"""A number of an imported study, made again from the stored scores of its items."""

from difflib import get_close_matches

import polars as pl

from analysis.pairs.items import paired_difference
from analysis.pairs.structure import TEXTS, structured
from analysis.schema import TableError
from stages.imports.items import is_mean
from stages.imports.tracked import Imported, collect


def verify_items(study: str, cell: str) -> int:
    """Print the value of MODEL:MEASUREMENT made again from its stored items beside the one in MLflow, and, of a model
    that is paired, its difference to its baseline over the items that both have; 1 where the value differs.
    """
    imported = collect(study)
    if imported.items is None:
        raise TableError(f"{study!r} has no scores of items: its logs had none beside their values")
    model, measurement = _cell(imported, cell)
    own = imported.items.filter(model=model, measurement=measurement)
    again = float(own["value"].mean())  # type: ignore[arg-type]
    held = imported.results.filter(model=model, measurement=measurement)["value"]
    if held.is_empty():
        raise TableError(f"MLflow holds no value of {cell}")
    print(f"{cell}\n  from {len(own):,} stored items  {again!r}\n  in MLflow             {held[0]!r}")
    same = is_mean(own, held[0])
    print("  the same" if again == held[0] else f"  they differ by {again - held[0]:.3g}{', rounding' * same}")
    _print_pairs(imported, model, measurement)
    return 0 if same else 1


def _cell(imported: Imported, cell: str) -> tuple[str, str]:
    """The model and the measurement that a cell names: either may hold a colon."""
    known = {
        f"{model}:{name}": (model, name)
        for model, name in imported.items.select("model", "measurement").unique(maintain_order=True).iter_rows()  # type: ignore[union-attr]
    }
    if cell in known:
        return known[cell]
    near = get_close_matches(cell, known, n=1)
    hint = f", nearest: {near[0]!r}" if near else ""
    raise TableError(f"{cell!r} is none of the {len(known)} MODEL:MEASUREMENT with scores of items{hint}")


def _print_pairs(imported: Imported, model: str, measurement: str) -> None:
    if not imported.paired or imported.items is None:
        return
    pairs = structured(imported.models.select("row", *TEXTS)).pairs.filter(pl.col("model") == model)
    for row in pairs.iter_rows(named=True):
        found = paired_difference(imported.items, measurement, model, row["baseline"])
        if found is None:
            print(f"  {row['method']}: {row['baseline']!r} has no items to be paired with")
        elif found["items"]:
            error = "" if found["standard_error"] is None else f" ± {found['standard_error']:.5g}"
            print(
                f"  {row['method']}: {found['difference']:+.5g}{error} to {row['baseline']!r}, over the "
                f"{found['items']:,} items that both have"
            )
        else:
            print(f"  {row['method']}: no item is shared with {row['baseline']!r}")
