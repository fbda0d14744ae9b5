"""RO-Crate metadata of an exported study, by the profile Workflow Run Crate: what was run, on what, and what came
out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.claims.authors import Span
from stages.claims.exported import INPUT, OUTPUT, README, WORKFLOW, Piece
from stages.claims.verifier.container import canonical, digest

METADATA = "ro-crate-metadata.json"
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}  # that the context lacks
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", TERMS]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
COMPUTATIONAL = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
Entity = dict[str, Any]


@dataclass(frozen=True)
class About:
    """What is said of the whole study.

    summary    what audit.json holds
    versions   what the runs were made with
    licence    the address of that of results and data
    published  a date
    authors    names
    span       when the first training began and the last one ended, where it is known
    """

    study: str
    summary: Mapping[str, Any]
    versions: Mapping[str, Any]
    licence: str
    published: str
    authors: Sequence[str]
    span: Span


def metadata(pieces: Sequence[Piece], about: About) -> bytes:
    """The file ro-crate-metadata.json."""
    runs, licence = about.summary["runs"], about.licence
    said = (
        f"{runs['finished']} of {sum(runs.values())} runs finished. Does a method make models safer beyond what its "
        f"effect on their capability explains? Audit {about.summary['audit']}, margins {about.summary['margins']}."
    )
    people = [
        {"@id": f"#author-{place}", "@type": "Person", "name": name} for place, name in enumerate(about.authors, 1)
    ]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"The study {about.study}",
        "description": said,
        "datePublished": about.published,
        "license": {"@id": licence},
        "conformsTo": _ids(PROFILES),
        "hasPart": _ids(piece.name for piece in pieces),
        "mainEntity": {"@id": WORKFLOW},
        "mentions": {"@id": "#run"},
        **_by("author", people),
    }
    graph: list[Entity] = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": [
                {"@id": "https://w3id.org/ro/crate/1.1"},
                {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
            ],
        },
        root,
        *(
            {"@id": uri, "@type": "CreativeWork", "name": name, "version": uri.rpartition("/")[2]}
            for uri, name in PROFILES.items()
        ),
        _work(licence, licence.rpartition("/")[2]) | {"description": "the licence"},
        {"@id": "#dvc", "@type": "ComputerLanguage", "name": "DVC", "url": {"@id": "https://dvc.org"}},
        {"@id": "https://dvc.org", "@type": "WebSite", "name": "DVC"},
        *people,
        _action(pieces, about, people),
        *(_parameter(piece) for piece in pieces if piece.role in (INPUT, OUTPUT)),
        *(_file(piece, pieces, licence, about.versions) for piece in pieces),
    ]
    return canonical({"@context": CONTEXT, "@graph": graph})


def _file(piece: Piece, pieces: Sequence[Piece], licence: str, versions: Mapping[str, Any]) -> Entity:
    entity: Entity = {
        "@id": piece.name,
        "@type": "File",
        "name": piece.name,
        "description": piece.about,
        "encodingFormat": piece.media,
        "contentSize": str(len(piece.content)),
        "sha256": digest(piece.content),
    }
    if piece.name == README:
        entity["about"] = {"@id": "./"}
    if piece.role in (INPUT, OUTPUT):
        entity["exampleOfWork"] = {"@id": _name(piece)}
    if piece.name != WORKFLOW:
        return entity
    return entity | {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "programmingLanguage": {"@id": "#dvc"},
        "conformsTo": {"@id": COMPUTATIONAL},
        "license": {"@id": licence},
        "version": str(versions.get("diffprog", "not known")),
        **{role: _ids(_name(each) for each in pieces if each.role == role) for role in (INPUT, OUTPUT)},
    }


def _parameter(piece: Piece) -> Entity:
    return {
        "@id": _name(piece),
        "@type": "FormalParameter",
        "additionalType": "File",
        "conformsTo": {"@id": PARAMETER},
        "name": piece.name,
        "description": piece.about,
        "encodingFormat": piece.media,
        "workExample": {"@id": piece.name},
    }


def _action(pieces: Sequence[Piece], about: About, people: Sequence[Entity]) -> Entity:
    versions = json.dumps(dict(about.versions), sort_keys=True)
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"dvc repro of {about.study}",
        "description": f"{about.summary['runs']['failed']} runs failed; made with {versions}",
        "instrument": {"@id": WORKFLOW},
        "object": _ids(piece.name for piece in pieces if piece.role == INPUT),
        "result": _ids(piece.name for piece in pieces if piece.role == OUTPUT),
        "actionStatus": "http://schema.org/CompletedActionStatus",  # of the study; a run of it may have failed
        **_by("agent", people),
        **({"startTime": about.span[0], "endTime": about.span[1]} if about.span else {}),
    }


def _by(role: str, people: Sequence[Entity]) -> Entity:
    named = _ids(each["@id"] for each in people)
    return {role: named[0] if len(named) == 1 else named} if named else {}


def _work(uri: str, name: str) -> Entity:
    return {"@id": uri, "@type": "CreativeWork", "name": name}


def _name(piece: Piece) -> str:
    return f"#{piece.role}/{piece.name}"


def _ids(names: Any) -> list[Entity]:
    return [{"@id": name} for name in names]
