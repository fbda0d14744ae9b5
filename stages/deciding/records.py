"""The file looks.json: each look that was taken, with the runs it was of and what it found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from analysis.schema import TableError
from stages import tables
from stages.artifacts import RUN
from stages.needed import planned_runs
from stages.part import LOOKS, read_looks
from stages.store.keys import digest
from stages.study.checks import WrongParams
from stages.study.nested import part_of

FOUND = Path("looks")  # the tables of what each look found
By = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Record:
    """One look.

    share: of q, as planned; q: that share of it. taken: by task and method, how many models and seeds its part has.
    runs, digest: how many runs, and the digest of their keys. found: by task, "method, measurement: kind" of each
    claim that has been found by then. left: by task, the methods that go on to the next part; dropped: those that do
    not, and why. decided and open: how many verdicts on areas, without the placebos'. core_seconds: of the runs and
    outcomes that the look before had not, whenever they were made.
    """

    look: int
    share: float
    q: float
    taken: By
    runs: int
    digest: str
    date: str
    found: Mapping[str, list[str]]
    left: Mapping[str, list[str]]
    dropped: By
    decided: int
    open: int
    core_seconds: float


def read(folder: Path = Path()) -> tuple[str, list[Record]]:
    """The digest of the audit and the looks that were taken; empty where none was. Raises TableError."""
    audit, looks = read_looks(folder)
    try:
        return audit, [Record(**each) for each in looks]
    except TypeError as error:
        raise TableError(f"{folder / LOOKS}: not what `diffprog decide` writes") from error


def write(audit: str, records: list[Record]) -> None:
    """Write looks.json, whole or not at all. Raises TableError."""
    tables.write_json({"audit": audit, "looks": [asdict(each) for each in records]}, LOOKS)


def found_by(look: int) -> Path:
    """The table VERDICTS of a look."""
    return FOUND / f"{look}.parquet"


def runs_of(planned: pl.DataFrame, taken: By) -> int:
    """How many runs a part has, without checkpoints and sibling models."""
    return len(part_of(planned, taken).filter(role=RUN))


def keys_digest(planned: pl.DataFrame, taken: By, data: Mapping[str, Any]) -> str:
    """The digest of the keys of a part's runs; `data` is what data.json says."""
    return digest(sorted(run.key for run in planned_runs(part_of(planned, taken), data)))


def check(records: list[Record], audit: str, now: str) -> None:
    """Raise WrongParams where looks were taken under another audit."""
    if records and audit != now:
        raise WrongParams(
            [
                f"{LOOKS}: look {records[-1].look} was taken under the audit {audit}, and params.yaml now says {now}: "
                "what is fixed before the run stays; undo the change, or begin anew with another --folder"
            ]
        )


def check_runs(records: list[Record], planned: pl.DataFrame, data: Mapping[str, Any] | None) -> None:
    """Raise WrongParams where looks were taken at other runs than the plan's; `data` is None where it is of others."""
    for record in records:
        if data is None or keys_digest(planned, record.taken, data) != record.digest:
            raise WrongParams(
                [
                    f"{LOOKS}: look {record.look} was taken at other runs than these (other models, seeds, methods, "
                    "data or code): undo the change, or add --exploratory, which claims nothing new"
                ]
            )
