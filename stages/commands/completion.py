"""`diffprog completion`: the script with which a shell completes the words of a command line."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import shtab

from stages import cli

SHELLS = ("bash", "zsh", "fish")
FOLDERS = ("folder", "out", "keep")  # arguments that name one; other paths name a file
EXAMPLES = {
    "diffprog completion bash > ~/.local/share/bash-completion/completions/diffprog": "for bash",
    "diffprog completion zsh > ~/.zfunc/_diffprog": "for zsh, where .zshrc has `fpath+=~/.zfunc; autoload -U compinit; "
    "compinit`",
    "diffprog completion fish > ~/.config/fish/completions/diffprog.fish": "for fish",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`SHELL`."""
    parser.add_argument("shell", choices=SHELLS)


def run(chosen: argparse.Namespace) -> int:
    """Print the script."""
    parser = cli.parser_with(cli.COMMANDS)
    for name, command in _commands(parser).items():
        command.description = cli.COMMANDS[name]  # beside the command's name in the shell's list
    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.DIRECTORY if action.dest in FOLDERS else shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, chosen.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Those of the parser and of its commands."""
    yield from parser._actions
    for command in _commands(parser).values():
        yield from _actions(command)


def _commands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    groups = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return groups[0] if groups else {}
