"""`diffprog list`: the parts that params.yaml can name."""

import argparse
import inspect
import shutil
import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pipelines import parts
from stages import domains
from stages.terminal import print_json

KINDS = ("datasets", "models", "methods", "conditions")
EXAMPLES = {
    "diffprog list methods --domain vision": "one kind of one domain",
    "diffprog list metrics --json": "the same for scripts",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[KIND] [--domain DOMAIN] [--json]`."""
    parser.add_argument("kind", nargs="?", choices=[*KINDS, "metrics"], help="one kind only")
    parser.add_argument("--domain", choices=domains.names(), help="one domain only")
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(asked: argparse.Namespace) -> int:
    """Print the parts that params.yaml can name, each with its first line and its options and their defaults."""
    listed = _listed(asked)
    if asked.json:
        print_json(listed)
        return 0
    for place, ((kind, domain), rows) in enumerate(groupby(listed, key=lambda row: (row["kind"], row["domain"]))):
        title = f"{kind} of {domain}" if domain else kind
        print(f"\n{title}" if place else title)
        print("\n".join(_lines(list(rows))))
    return 0


def _listed(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each part: kind, domain (null: for all), name, about, and options, each with its default where it has
    one.
    """
    kinds = [asked.kind] if asked.kind else [*KINDS, "metrics"]
    chosen = [asked.domain] if asked.domain else domains.names()
    places: list[tuple[str, str | None, str]] = [
        (kind, domain, f"pipelines.{domain}.{kind}") for domain in chosen for kind in kinds if kind in KINDS
    ]
    places += [("metrics", None, "pipelines.metrics")] if "metrics" in kinds else []
    return [
        {"kind": kind, "domain": domain, "name": name, **_described(package, name)}
        for kind, domain, package in places
        for name in parts.names(package)
    ]


def _described(package: str, name: str) -> dict[str, Any]:
    try:
        options = inspect.signature(parts.factory(package, name)).parameters.values()
    except parts.BrokenPart as error:
        return {"about": f"can't be used: {error}", "options": []}
    about = " ".join((parts.module(package, name).__doc__ or "").split("\n\n")[0].split())
    return {"about": about, "options": [_option(option) for option in options]}


def _option(option: inspect.Parameter) -> dict[str, Any]:
    default = option.default
    shown = default if isinstance(default, bool | int | float | str | None) else str(default)
    return {"name": option.name} if default is option.empty else {"name": option.name, "default": shown}


def _lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    column = max(len(row["name"]) for row in rows) + 2
    wide = max(40, min(120, shutil.get_terminal_size().columns) - column - 2)
    for row in rows:
        options = ", ".join(map(_shown, row["options"]))
        said = (row["about"], f"[{options}]" * bool(options))
        lines = [line for text in said for line in textwrap.wrap(text, wide)]
        for head, line in zip([row["name"], *[""] * (len(lines) - 1)], lines, strict=True):
            yield f"  {head:<{column}}{line}"


def _shown(option: dict[str, Any]) -> str:
    return f"{option['name']}: {option['default']}" if "default" in option else str(option["name"])
