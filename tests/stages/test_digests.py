"""Digests of values that differ in few entries are the digests of the whole values."""

import pytest

from stages.store.digests import digest_but_for
from stages.store.keys import digest

KEYS = ("0" * 32, "ab" * 16, None)


@pytest.mark.parametrize("common", [{}, {"spec": {"use": "n\u00e9", "run": "run", "b": [1, 2.5, None]}, "z": "\ue000"}])
def test_what_is_common_is_written_once_and_the_digest_is_the_same(common: dict[str, object]) -> None:
    one, two = digest_but_for(common, "run"), digest_but_for(common, "cell_key", "reference_key")
    for key in KEYS:
        assert one(key) == digest({**common, "run": key})
        for other in KEYS:
            assert two(key, other) == digest({**common, "cell_key": key, "reference_key": other})
