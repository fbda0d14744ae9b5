"""What may be printed on a terminal, whatever is in it and whatever reads it."""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import Any, TextIO

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and line feed: a terminal obeys them
CLOSED_PIPE = 141  # as shells count a SIGPIPE


def escaped(text: str) -> str:
    """The text with its control characters as `\\x1b`."""
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def say(text: str, to: TextIO | None = None) -> None:
    """Print lines, to standard output or another stream; on a terminal each is folded between words, and what goes on
    is set four deeper.
    """
    stream = to or sys.stdout
    if not stream.isatty():
        print(text, file=stream)
        return
    wide = shutil.get_terminal_size().columns
    for line in text.split("\n"):
        deeper = " " * (len(line) - len(line.lstrip()) + 4)
        folded = textwrap.fill(line, wide, subsequent_indent=deeper, break_long_words=False, break_on_hyphens=False)
        print(folded, file=stream)


def print_json(value: Any) -> None:
    """Print a value for scripts."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def run_printing(command: Callable[[], int]) -> int:
    """A command's exit status, whose output may hold what the terminal can't show, or be closed before it ends, as
    `head -1` does.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not what a test puts in its place
            stream.reconfigure(errors="backslashreplace")
    try:
        status = command()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        return CLOSED_PIPE
    return status
