"""`diffprog list`: the parts that params.yaml can name."""

import argparse
import inspect
import shutil
import textwrap

from pipelines import parts

KINDS = ("datasets", "models", "methods", "conditions")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[KIND]`."""
    parser.add_argument("kind", nargs="?", choices=[*KINDS, "metrics"], help="one kind only")


def run(asked: argparse.Namespace) -> int:
    """Print the parts that params.yaml can name, each with its first line and its options and their defaults."""
    for chosen in [asked.kind] if asked.kind else [*KINDS, "metrics"]:
        package = "pipelines.metrics" if chosen == "metrics" else f"pipelines.vision.{chosen}"
        names = parts.names(package)
        column = max(map(len, names)) + 2
        wide = max(40, min(120, shutil.get_terminal_size().columns) - column - 2)
        print(f"\n{chosen}")
        for name in names:
            module = parts.module(package, name)
            first = " ".join((module.__doc__ or "").split("\n\n")[0].split())
            options = ", ".join(map(_shown, inspect.signature(parts.factory(package, name)).parameters.values()))
            lines = [line for text in (first, f"[{options}]" * bool(options)) for line in textwrap.wrap(text, wide)]
            for head, line in zip([name, *[""] * (len(lines) - 1)], lines, strict=True):
                print(f"  {head:<{column}}{line}")
    return 0


def _shown(option: inspect.Parameter) -> str:
    return option.name if option.default is option.empty else f"{option.name}: {option.default}"
