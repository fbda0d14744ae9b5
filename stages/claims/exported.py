"""The files of an exported study, with what each is, in the order in which they are listed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.schema import TableError
from stages import artifacts, domains
from stages.artifacts import FAILURES, FINDINGS, REPORT
from stages.claims.cards import cards
from stages.claims.croissant import croissant
from stages.page.beside import EXAMPLES, RUNS
from stages.store.code_path import ROOT
from stages.store.store import Store

PARQUET, JSON, YAML = "application/vnd.apache.parquet", "application/json", "application/yaml"
INPUT, OUTPUT, BESIDE = "input", "output", "beside"
WORKFLOW, README = "dvc.yaml", "README.md"
ABOUT = """# The study {study}

Made with diffprog: does a method make models safer beyond what its effect on their capability explains?
`params.yaml` is the study, `report/index.html` its report, `results.parquet` every value, `findings/` what was found,
`cards/` a model card of each method. `ro-crate-metadata.json` describes each file, with its digest; `croissant.json`
describes the tables of results and verdicts and the data.
"""


@dataclass(frozen=True)
class Piece:
    """A file of the export: its name, content, media type, what it is, and whether the study was made from it or made
    it.
    """

    name: str
    content: bytes
    media: str
    about: str
    role: str = BESIDE


def pieces(licence: str, published: str, authors: Sequence[str]) -> list[Piece]:
    """All files but the crate's own metadata. Raises TableError where the study is not analysed yet."""
    data = list(_data(Store.from_environment()))
    found = [*_tables(), *_page(), *data, *_beside()]
    found += [
        Piece(f"cards/{name}.md", text.encode(), "text/markdown", f"model card: {name}") for name, text in cards()
    ]
    described = {piece.name: piece.content for piece in found}
    text = croissant(described, licence, published, authors)
    return [*found, Piece("croissant.json", text, "application/ld+json", "Croissant metadata of results and data")]


def content_of(path: Path) -> bytes:
    """What a file of the study holds. Raises TableError where it is not there."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}; `dvc repro` makes it") from error


def _tables() -> Iterator[Piece]:
    read = [
        (
            Path("params.yaml"),
            YAML,
            "the study: what was trained and measured, and how it was to be judged",
            INPUT,
        ),
        (artifacts.AUDIT, JSON, "the audit as it was planned, with its digest", INPUT),
        (artifacts.PLANNED_RUNS.path, PARQUET, "every planned run", INPUT),
        (artifacts.PLANNED_CELLS.path, PARQUET, "every planned condition", INPUT),
        (artifacts.PLANNED_MEASUREMENTS.path, PARQUET, "every planned measurement", INPUT),
        (artifacts.DATA, JSON, "splits and examples: sizes and digests", OUTPUT),
        (artifacts.RUNS.path, PARQUET, "every run, finished or failed with its reason", OUTPUT),
        (artifacts.OUTCOMES.path, PARQUET, "keys and digests of what each run did under each condition", OUTPUT),
        (artifacts.RESULTS.path, PARQUET, "every value of every run", OUTPUT),
        (artifacts.REPLICATES.path, PARQUET, "what each value moves by in draws of the test examples", OUTPUT),
        (artifacts.PROVENANCE.path, PARQUET, "what each run was made with", OUTPUT),
        (artifacts.SUMMARY, JSON, "the verdicts in short", OUTPUT),
        *((path, JSON, f"what failed in the stage {stage}", OUTPUT) for stage, path in FAILURES.items()),
        *((path, PARQUET, f"findings: {path.stem}", OUTPUT) for path in sorted(FINDINGS.glob("*.parquet"))),
    ]
    for path, media, about, role in read:
        yield Piece(path.as_posix(), content_of(path), media, about, role)


def _page() -> Iterator[Piece]:
    page = REPORT / "index.html"
    if page.exists():
        yield Piece(page.as_posix(), page.read_bytes(), "text/html", "the report: a page that works offline", OUTPUT)
    for kind in (RUNS, EXAMPLES):
        for path in sorted((REPORT / kind).rglob("*.html")):
            yield Piece(
                path.as_posix(), path.read_bytes(), "text/html", f"a page that the report links to: {kind}", OUTPUT
            )


def _data(store: Store) -> Iterator[Piece]:
    """The splits of generated data, as they were trained and tested on; others' data are described by digest alone."""
    for task, described in artifacts.prepared_data().items():
        planned = artifacts.planned_data()[task]
        if not domains.domain(planned["domain"]).files(planned["data"]):
            for split, about in described["splits"].items():
                content = store.read("data", about["digest"])
                what = f"{task}: the split {split}, {about['rows']} examples"
                yield Piece(f"data/{task}/{split}.npz", content, "application/x-npz", what, OUTPUT)


def _beside() -> Iterator[Piece]:
    yield Piece(README, ABOUT.format(study=artifacts.study_name()).encode(), "text/markdown", "what this is")
    for name, media, about in (
        (WORKFLOW, YAML, "the workflow: one stage of DVC after another"),
        ("dvc.lock", YAML, "what each stage was run with, by digest"),
        ("LICENSE", "text/plain", "the licence of the software"),
        ("CITATION.cff", YAML, "how to cite the software"),
    ):
        path = next((path for path in (Path(name), ROOT / name) if path.exists()), None)
        if path:
            yield Piece(name, path.read_bytes(), media, about)
