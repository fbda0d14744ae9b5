"""`diffprog export`: the whole study as files that archives, search engines and reviewers read."""

import argparse
import datetime
import json
import os
import re
from pathlib import Path

from analysis.schema import TableError
from stages import artifacts
from stages.claims.authors import Span, authors, span
from stages.claims.crate import METADATA, About, metadata
from stages.claims.exported import content_of, pieces
from stages.stale import warn_if_edited
from stages.store.store import Store
from stages.terminal import say

FORMATS = ("ro-crate",)
LICENCE = "https://spdx.org/licenses/Apache-2.0"

EXAMPLES = {"diffprog export --format ro-crate --out crate": "into the folder crate/"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--format ro-crate --out FOLDER [--license URL]`."""
    parser.description = (
        "The study as a Workflow Run RO-Crate: plan, runs, results, findings, report and generated data with their "
        "digests, Croissant metadata, a model card a method."
    )
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write; it must not exist, or be empty")
    parser.add_argument("--license", default=LICENCE, help=f"of results and data, an address; default: {LICENCE}")


def run(chosen: argparse.Namespace) -> int:
    """Write the crate."""
    folder: Path = chosen.out
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TableError(f"{folder}: is there already and not an empty folder; name another")
    if not re.match(r"https?://", chosen.license):
        raise TableError(f"--license: {chosen.license!r} is not an address, such as {LICENCE}")
    warn_if_edited()
    published, (names, source) = today(), authors()
    found = pieces(chosen.license, published, names)
    about = About(
        study=artifacts.study_name(),
        summary=json.loads(content_of(artifacts.SUMMARY)),
        versions=made_with(),
        licence=chosen.license,
        published=published,
        authors=names,
        span=trained(),
    )
    crate = metadata(found, about)
    contents = {**{piece.name: piece.content for piece in found}, METADATA: crate}
    try:
        for name, content in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise TableError(f"{folder}: cannot be written: {error.strerror}") from error
    size = sum(map(len, contents.values()))
    say(f"{folder}: {len(contents)} files, {size / 2**20:.1f} MiB; {METADATA} describes them")
    by = f"{', '.join(names)} ({source})" if names else "left out: params.yaml has no `authors: [...]`, nor git a name"
    say(f"author     {by}")
    say(f"trained    {' to '.join(about.span) if about.span else 'left out: no record in the store says when'}")
    return 0


def trained() -> Span:
    """When the runs were trained, by their records in the store."""
    keys = artifacts.RUNS.read().filter(status="finished")["run_key"]
    return span(entry.facts for entry in Store.from_environment().entries("runs", keys).values())


def made_with() -> dict[str, str]:
    """The versions, processors and commits that the runs were made with, several joined by `and`."""
    rows = [json.loads(each) for each in artifacts.PROVENANCE.read()["environment"].unique().sort()]
    names = sorted({name for row in rows for name in row})
    return {name: " and ".join(sorted({str(row[name]) for row in rows if name in row})) for name in names}


def today() -> str:
    """The date, or that of SOURCE_DATE_EPOCH, where the same export is to give the same bytes. Raises TableError."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        at = datetime.datetime.fromtimestamp(int(given), datetime.UTC) if given else datetime.datetime.now(datetime.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise TableError(f"SOURCE_DATE_EPOCH: {given!r} is not a number of seconds since 1970") from error
    return at.date().isoformat()
