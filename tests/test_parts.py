"""Parts by name, and what their options may be."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest

from pipelines import parts
from pipelines.parts import BrokenPart, Count, Positive, Range, Share, UnknownPart, WrongOptions


def factory(*, alpha: Positive = 0.2, share: Share = 0.5, steps: Count, kind: Literal["a", "b"] = "a") -> None:
    """A factory to check options against."""


def faults(options: dict[str, object]) -> list[str]:
    with pytest.raises(WrongOptions) as caught:
        parts.check_options(factory, options)
    return caught.value.faults


def test_options_that_fit_are_accepted() -> None:
    parts.check_options(factory, {"alpha": 1, "share": 1.0, "steps": 3, "kind": "b"})


def test_every_fault_is_named_at_once() -> None:
    assert faults({"alfa": 1, "alpha": 0, "share": 1.2, "kind": "c"}) == [
        "'alfa' is not one of: alpha, share, steps, kind",
        "'steps' is missing",
        "'alpha' is 0, not a number above 0",
        "'share' is 1.2, not a number from 0 to 1",
        "'kind' is 'c', not one of: a, b",
    ]


@pytest.mark.parametrize("steps", [0, 1.5, True, "3", None, float("nan")])
def test_a_count_is_a_whole_number_from_one(steps: object) -> None:
    assert faults({"steps": steps}) == [f"'steps' is {steps!r}, not a whole number of at least 1"]


@pytest.mark.parametrize("alpha", [float("nan"), float("inf"), -1, "x", True])
def test_a_number_is_finite(alpha: object) -> None:
    assert faults({"steps": 1, "alpha": alpha}) == [f"'alpha' is {alpha!r}, not a number above 0"]


def test_ranges_keep_their_ends() -> None:
    assert 0 in Range(0, 1)
    assert 0 not in Range(0, 1, low_open=True)
    assert not parts.accepts(Annotated[float, Range(1, 2)], 2.1)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        UnknownPart, match=r"^'mixupp' is not one of the methods \(nearest: mixup\): adversarial, .*standard, .*$"
    ):
        parts.load("pipelines.vision.methods", "mixupp")


def test_defaults_complete_the_options() -> None:
    assert parts.full_options("pipelines.vision.methods", "adversarial", {"steps": 5}) == {
        "epsilon": 4 / 255,
        "steps": 5,
        "step_size": 0.7,
        "warm_up": 0.5,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def method(*, a: int = 1) -> str:\n    return 'made'\n", None),
        ("def method(:\n", r"SyntaxError: .* \(mine.py, line 1\)"),
        ("import nowhere_to_be_found\n", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("raise ValueError()\n", "ValueError"),
        ("metod = 1\n", r"has no function method\(\)"),
        ("def method(a: int = 1) -> str: ...\n", r"method\(\) takes 'a' by its place; accepted: options after a '\*'"),
        ("def method(**more: int) -> str: ...\n", r"method\(\) takes 'more' by its place; .*"),
        ("def method(*, a=1) -> str: ...\n", r"method\(\)'s option 'a' has no type"),
        ("def method(*, a: int = 1) -> str: ...\n", r"method\(\) returns nothing"),
        ("def method(*, a: int = 1) -> str:\n    return b\n", r"method\(\): NameError: name 'b' is not defined"),
        ("def method(*, a: int = 1) -> str:\n    return {}['b']\n", r"method\(\): KeyError: 'b'"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str | None
) -> None:
    folder = tmp_path / "own_parts/methods"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        if message is None:
            assert parts.load("own_parts.methods", "mine", {"a": 2}) == "made"
            return
        with pytest.raises(BrokenPart, match=f"^own_parts/methods/mine.py: {message}$"):
            parts.load("own_parts.methods", "mine")
    finally:
        for name in [name for name in sys.modules if name.startswith("own_parts")]:
            del sys.modules[name]
