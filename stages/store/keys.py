"""Keys: what a run and a cell are identified by. No path, host, device or number of workers is in them."""

import hashlib
import json
from typing import Any


def digest(value: Any) -> str:
    """32 hexadecimal digits of a JSON value's SHA-256; the order of mappings does not matter."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def bytes_digest(data: bytes) -> str:
    """64 hexadecimal digits: SHA-256."""
    return hashlib.sha256(data).hexdigest()
