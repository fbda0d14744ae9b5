"""Digests of many values that differ in few entries: what they have in common is written once."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

HOLE = "\ue000hole\ue000"  # a character of no meaning, so in no specification


def digest_but_for(common: Mapping[str, Any], *names: str) -> Callable[..., str]:
    """`digest({**common, name: value, ...})` as a function of the values of these names, in
    alphabetical order; a value is a key or None."""
    whole = json.dumps(
        {**common, **dict.fromkeys(names, HOLE)},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    first, *rest = (piece.encode() for piece in whole.split(f'"{HOLE}"'))
    begun = hashlib.sha256(first)

    def of(*values: str | None) -> str:
        found = begun.copy()
        for value, after in zip(values, rest, strict=True):
            found.update(b"null" if value is None else b'"%b"' % value.encode())
            found.update(after)
        return found.hexdigest()[:32]

    return of
