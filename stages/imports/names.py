"""Names in a published table: keys that must be unique, families, and names that only look alike."""

from collections.abc import Mapping, Sequence
from fnmatch import translate

import polars as pl

from stages.imports.cells import known_text
from stages.imports.raw import MOST_LINES, short, unfit_names

# Letters of other alphabets that look like Latin ones: Cyrillic, then Greek.
TWINS = dict(zip("асеорхуіјѕԁԛԝһкмтвнαερορτυχνκικ", "aceopxyijsdqwhkmtbhaepoptuxvkik", strict=True))


def keys_of(
    source: str, frame: pl.DataFrame, key: Sequence[str], faults: list[str], *, unique: bool = True
) -> pl.Series:
    """The name of each row: its key columns, trimmed and composed (NFC), joined by a comma. A part that is missing and,
    where they must be unique, a duplicate name are errors.
    """
    parts = frame.select(pl.col(name).cast(pl.String).str.strip_chars().str.normalize("NFC") for name in key)
    for name in key:
        empty = (parts[name].is_null() | (parts[name] == "")).arg_true()
        faults += [f"{source}: column {short(name)}, row {row + 1}: the key is missing" for row in empty[:MOST_LINES]]
    rows = parts.select(pl.concat_str(pl.all().fill_null(""), separator=", ").alias("row"))["row"]
    faults += unfit_names(source, "row", rows)
    if unique:
        twice = rows.value_counts().filter(pl.col("count") > 1).sort("row")
        for row, count in twice.head(MOST_LINES).iter_rows():
            faults.append(f"{source}: row {short(row)}: duplicate key, in {count} rows; the key is {', '.join(key)}")
        if len(twice) > MOST_LINES:
            faults.append(f"{source}: and {len(twice) - MOST_LINES:,} more duplicate keys")
    return rows


def look_alikes(rows: pl.Series) -> list[tuple[str, ...]]:
    """Groups of different names that a reader can't tell apart, or only by their case."""
    skeleton = rows.str.normalize("NFKC").str.to_lowercase().str.replace_many(list(TWINS), list(TWINS.values()))
    groups = pl.DataFrame({"row": rows, "skeleton": skeleton}).group_by("skeleton", maintain_order=True).agg("row")
    return [tuple(names) for names in groups.filter(pl.col("row").list.len() > 1)["row"]]


def families_of(
    source: str,
    rows: pl.Series,
    about: pl.DataFrame,
    family: str | Mapping[str, str] | None,
    faults: list[str],
    spec_source: str = "spec.yaml",
    missing: Sequence[str] = (),
) -> pl.Series:
    """The family of each row: a column's text, the first group of a pattern in the key, or that of the first glob
    that fits the key; null throughout where none is asked for. A row without one is an error.
    """
    if family is None:
        return pl.Series("family", [None] * len(rows), dtype=pl.String)
    if isinstance(family, str):
        found = known_text(about[family], missing).str.normalize("NFC")
        faults += unfit_names(source, f"column {short(family)}, family", found)
    elif "regex" in family:
        try:
            groups = rows.str.extract_groups(family["regex"]).struct.fields
            found = rows.str.extract(family["regex"], min(1, len(groups)))
        except pl.exceptions.ComputeError as error:
            faults.append(
                f"{source}: family: {family['regex']!r} is not a regular expression: {str(error).splitlines()[0]}"
            )
            return rows
    else:
        found = pl.Series([None] * len(rows), dtype=pl.String)
        for glob, name in family.items():
            fits = rows.str.contains(f"^{_rust(glob)}$")
            if glob != "*" and not fits.any():
                faults.append(f"{spec_source}: family: {glob!r} has no effect: no model is of that name")
            found = found.set(fits & found.is_null(), name)
    without = (found.is_null() | (found == "")).arg_true()
    faults += [f"{source}: row {short(row)}: no family" for row in rows.gather(without[:MOST_LINES])]
    if len(without) > MOST_LINES:
        faults.append(f"{source}: and {len(without) - MOST_LINES:,} more rows without a family")
    return found.alias("family")


def _rust(glob: str) -> str:
    """The pattern of a glob, for an engine without Python's flags and atomic groups."""
    return translate(glob).removeprefix("(?s:").removesuffix(r")\Z").replace("(?>", "(?:")
