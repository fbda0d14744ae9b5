"""Croissant metadata of a study's results and generated data sets."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from analysis.audit.schema import VERDICTS
from analysis.schema import Table
from stages import artifacts
from stages.artifacts import by_task
from stages.claims.verifier.container import canonical, digest

VERSION = "http://mlcommons.org/croissant/1.0"
CR: tuple[str, ...] = (
    "citeAs",
    "column",
    "extract",
    "field",
    "fileProperty",
    "fileObject",
    "fileSet",
    "format",
    "includes",
    "isLiveDataset",
)
CR += ("jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace")
CR += ("samplingRate", "separator", "source", "subField", "transform", "equivalentProperty")
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in CR},
}
TYPES = {pl.String: "sc:Text", pl.Int64: "sc:Integer", pl.Float64: "sc:Float", pl.Boolean: "sc:Boolean"}
MEDIA = {".parquet": "application/x-parquet", ".npz": "application/x-npz"}


def croissant(files: Mapping[str, bytes], licence: str, published: str, authors: Sequence[str]) -> bytes:
    """The metadata, of the tables of results and of verdicts with a field a column, and of each split of generated
    data, among these files.
    """
    study = artifacts.study_name()
    tables = {
        artifacts.RESULTS.path.as_posix(): artifacts.RESULTS.table,
        "findings/verdicts.parquet": by_task(VERDICTS),
    }
    described = [name for name in files if name in tables or name.startswith("data/")]
    return canonical(
        {
            "@context": CONTEXT,
            "@type": "sc:Dataset",
            "name": study,
            "description": f"Every value and verdict of the study {study}, and the data that it generated.",
            "conformsTo": VERSION,
            "license": licence,
            "url": f"urn:diffprog:{study}",
            "datePublished": published,
            **({"creator": [{"@type": "sc:Person", "name": name} for name in authors]} if authors else {}),
            "version": "1.0.0",
            "citeAs": f"The study {study}, audit {artifacts.read_planned(artifacts.AUDIT)['digest']}.",
            "distribution": [_file(name, files[name]) for name in described],
            "recordSet": [_records(name, table) for name, table in tables.items() if name in files],
        }
    )


def _file(name: str, content: bytes) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{len(content)} B",
        "encodingFormat": MEDIA[name[name.rindex(".") :]],
        "sha256": digest(content),
    }


def _records(name: str, table: Table) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "key": _key(table.name, table.key),
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{table.name}/{column}",
                "name": f"{table.name}/{column}",
                "dataType": TYPES[dtype],  # type: ignore[index]
                "source": {"fileObject": {"@id": name}, "extract": {"column": column}},
            }
            for column, dtype in table.columns.items()
        ],
    }


def _key(table: str, columns: Iterable[str]) -> list[dict[str, str]]:
    return [{"@id": f"{table}/{column}"} for column in columns]
