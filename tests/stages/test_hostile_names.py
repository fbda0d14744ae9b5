"""Names from params.yaml and from tables: none becomes a path outside the store, a folder, or a screen full of text."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stages.cli import run_stage
from stages.errors import StoreError
from stages.page.tasks import slug
from stages.store.store import Store
from stages.study import params
from stages.study.checks import WrongParams

HOSTILE = {
    "up": "../../outside",
    "absolute": "/tmp/outside",
    "markup": "<script>alert(1)</script>",
    "long": "a" * 10_000,
    "nul": "a\0b",
    "newline": "a\nb",
    "escape": "a\x1b[2Jb",
    "look-alike": "st\u0430ndard",
    "dots": "..",
    "empty": "",
}
hostile = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())


@hostile
def test_params_take_no_such_name_anywhere(
    study: Callable[[Mapping[str, Any]], Path], tiny: dict[str, Any], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    vision = tiny["vision"]
    tiny["study"] = name
    vision["methods"][name] = {"use": "noise", "sigma": 0.1}
    vision["conditions"][name] = {"use": "clean"}
    vision["models"][name] = {"use": "vit", "widths": [12]}
    vision["measurements"]["clean"][name] = {"use": "accuracy", "is": "capability"}
    folder = study(tiny)
    with pytest.raises(WrongParams) as caught:
        params.read()
    lines = caught.value.faults
    asked = ("study", "vision.methods.", "vision.conditions.", "vision.models.", "vision.measurements.clean.")
    for where in asked:
        assert [line for line in lines if line.startswith(f"params.yaml: {where}") and "a name of letters" in line], (
            where
        )
    assert run_stage("plan") == 2
    said = capsys.readouterr().err
    assert all(letter.isprintable() or letter == "\n" for letter in said)
    assert max(map(len, said.splitlines())) <= 1200
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]
    assert not Path("/tmp/outside").exists()


@hostile
def test_a_part_or_an_option_of_such_a_name_is_not_looked_for(
    study: Callable[[Mapping[str, Any]], Path], tiny: dict[str, Any], name: str
) -> None:
    wrong = copy.deepcopy(tiny)
    wrong["vision"]["methods"]["noise"] = {"use": name}
    wrong["compute"] = {"methods": {name: {"cpus": 1}}}
    study(wrong)
    with pytest.raises(WrongParams) as caught:
        params.read()
    assert caught.value.faults[0].startswith("params.yaml: vision.methods.noise: ")
    study({**tiny, "compute": {"methods": {name: {"cpus": 1}}}})
    with pytest.raises(WrongParams) as caught:
        params.read()
    assert len(caught.value.faults) == 1
    assert "not one of the methods: standard, noise, outlier_exposure" in caught.value.faults[0]


@hostile
def test_a_key_from_a_table_stays_in_the_store(tmp_path: Path, name: str) -> None:
    store = Store(str(tmp_path / "store"))
    for act in (
        lambda: store.write("runs", name, b"x"),
        lambda: store.done("cells", name),
        lambda: store.read("values", name),
        lambda: store.write_failure("runs", name, {"error": "E"}),
        lambda: store.forget_failure("runs", name),
    ):
        with pytest.raises(StoreError, match=r"is not a key$") as caught:
            act()
        assert len(str(caught.value)) < 200 + len(str(tmp_path))
    assert not list(tmp_path.rglob("*"))


@hostile
def test_a_data_sets_name_in_a_files_name_is_plain(name: str) -> None:
    assert set(slug(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(slug(name)) <= 60
