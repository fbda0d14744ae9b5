"""Keys: what changes them and what must not."""

import pytest

from stages.store.keys import digest


def test_the_digest_of_a_value_ignores_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.0000001})
    with pytest.raises(ValueError, match="Out of range float"):
        digest(float("nan"))
