"""The code in a key: every line that Python would run for a number, however it is imported, and no comment."""

import importlib
import shutil
from pathlib import Path

import pytest
import ruamel.yaml

from pipelines import parts
from stages.domains import condition_modules, training_modules
from stages.errors import CodeChanged, CodeNotFollowed
from stages.store.code_path import ROOT, CodePath
from stages.store.code_snapshot import check_planned


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A project whose module pipelines.top imports pipelines.below."""
    folder = tmp_path / "pipelines"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    for package in (folder, folder / "deep"):
        (package / "__init__.py").touch()
    (folder / "top.py").write_text(
        '"""Doc."""\nimport json\nfrom pipelines.below import g\n\ndef f(x):\n    return g(x) + 1\n'
    )
    (folder / "below.py").write_text("def g(x):\n    return x\n")
    (folder / "aside.py").write_text("h = 1\n")
    (folder / "parts.py").touch()
    (folder / "deep" / "inner.py").write_text("INNER = 1\n")
    return tmp_path


def of(project: Path) -> str:
    return CodePath(project).digest(["pipelines.top"])


def test_comments_docstrings_and_layout_change_nothing(toy: Path) -> None:
    before = of(toy)
    lines = [
        '"""Other."""',
        "import json",
        "from pipelines.below import g",
        "# why",
        "def f(x):",
        '    """D."""',
        "    return (g(x)",
        "    + 1)",
    ]
    (toy / "pipelines/top.py").write_text("\n".join(lines))
    assert of(toy) == before
    (toy / "pipelines/aside.py").write_text("h = 2\n")
    assert of(toy) == before


@pytest.mark.parametrize(("file", "old", "new"), [("top.py", "+ 1", "+ 2"), ("below.py", "return x", "return -x")])
def test_an_edited_statement_changes_it_also_in_what_is_imported(toy: Path, file: str, old: str, new: str) -> None:
    before = of(toy)
    path = toy / "pipelines" / file
    path.write_text(path.read_text().replace(old, new))
    assert of(toy) != before


@pytest.mark.parametrize(
    "spelling",
    [
        "import pipelines.deep.inner",
        "import pipelines.deep.inner as x",
        "from pipelines.deep import inner",
        "from pipelines.deep.inner import INNER",
        "from .deep import inner",
        "from .deep.inner import INNER",
        "from .deep.inner import *",
        "from . import deep\nfrom .deep import inner",
        "def f():\n    from .deep import inner",
        "try:\n    import torch.nothing\nexcept ImportError:\n    from pipelines.deep import inner",
        "import importlib\nimportlib.import_module('pipelines.deep.inner')",
        "import importlib as i\ni.import_module('.deep.inner', 'pipelines')",
        "from importlib import import_module as load\nload('pipelines.deep.inner')",
        "__import__('pipelines.deep.inner')",
        "from pipelines import parts\nparts.load('pipelines.deep', 'inner', {})",
        "from pipelines.parts import load\nload('pipelines.deep', 'inner')",
    ],
)
def test_every_spelling_of_an_import_is_followed(toy: Path, spelling: str) -> None:
    (toy / "pipelines/top.py").write_text(spelling)
    for file in ("deep/inner.py", "deep/__init__.py", "__init__.py"):
        before = of(toy)
        (toy / "pipelines" / file).write_text(f"EDITED = {file!r}\n")
        assert of(toy) != before, file


def test_a_relative_import_of_a_package_counts_from_itself(toy: Path) -> None:
    (toy / "pipelines/top.py").write_text("import pipelines.deep\n")
    (toy / "pipelines/deep/__init__.py").write_text("from .inner import INNER\nfrom .. import below\n")
    assert CodePath(toy).names(["pipelines.top"]) == {
        "pipelines", "pipelines.top", "pipelines.deep", "pipelines.deep.inner", "pipelines.below"
    }  # fmt: skip


@pytest.mark.parametrize(
    "reading",
    [
        "from pathlib import Path\nTABLE = Path(__file__).with_name('table.csv').read_text()",
        "import importlib.resources\nTABLE = importlib.resources.files('pipelines').joinpath('table.csv').read_text()",
        "from importlib.resources import files\nTABLE = files('pipelines') / 'table.csv'",
        "import pkgutil\nTABLE = pkgutil.get_data('pipelines', 'table.csv')",
    ],
)
def test_a_data_file_beside_a_module_that_reads_it_is_code(toy: Path, reading: str) -> None:
    table = toy / "pipelines/table.csv"
    table.write_text("1")
    (toy / "pipelines/below.py").write_text(reading)
    before = of(toy)
    table.write_text("2")
    assert of(toy) != before


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import importlib\nname = 'x'\nimportlib.import_module(name)",
         "3: 'importlib.import_module(name)' imports by a name that is known only when it runs"),
        ("from pipelines import parts\n\ndef f(x):\n    parts.load('pipelines.deep', x)",
         "4: \"parts.load('pipelines.deep', x)\" imports by a name that is known only when it runs"),
        ("exec('x = 1')", "1: \"exec('x = 1')\" runs code that is not written there"),
        ("from runpy import run_path as r\nr('x.py')", "2: \"r('x.py')\" runs code that is not written there"),
        ("import sys\nsys.path.append('x')", "2: 'sys.path' changes what is imported"),
        ("open('x')", "1: \"open('x')\" reads a file: put that beside the module, and find it by __file__"),
        ("import numpy as np\nnp.load('x')",
         "2: \"np.load('x')\" reads a file: put that beside the module, and find it by __file__"),
        ("from pathlib import Path\nPath('x').read_bytes()",
         "2: \"Path('x').read_bytes()\" reads a file: put that beside the module, and find it by __file__"),
        ("from pathlib import Path\nPath('x').open()",
         "2: \"Path('x').open()\" reads a file: put that beside the module, and find it by __file__"),
        ("from PIL import Image\nImage.open('x')",
         "2: \"Image.open('x')\" reads a file: put that beside the module, and find it by __file__"),
        ("import safetensors.numpy\nsafetensors.numpy.load_file('x')",
         "2: \"safetensors.numpy.load_file('x')\" reads a file: put that beside the module, and find it by __file__"),
        ("import torch\ntorch.hub.load('x', 'y')",
         "2: \"torch.hub.load('x', 'y')\" reads a file: put that beside the module, and find it by __file__"),
        ("from pathlib import Path\nPath(__file__).parents[1]",
         "2: 'Path(__file__).parents' looks above the module's own folder"),
        ("from pathlib import Path\nPath(__file__).resolve().parent.parent",
         "2: 'Path(__file__).resolve().parent.parent' looks above the module's own folder"),
        ("import os\nos.environ['x']", "2: \"os.environ['x']\" depends on the environment"),
        ("import os\nos.environ.get('x')", "2: \"os.environ.get('x')\" depends on the environment"),
        ("from os import getenv\ngetenv('x')", "2: \"getenv('x')\" depends on the environment"),
        ("from sys import path\npath.insert(0, 'x')", "2: 'path' changes what is imported"),
        ("import importlib\ngetattr(importlib, 'import_module')('x')",
         "2: \"getattr(importlib, 'import_module')\" gets by name what is known only when it runs"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused_by_name(toy: Path, source: str, message: str) -> None:
    (toy / "pipelines/below.py").write_text(source)
    with pytest.raises(CodeNotFollowed) as refused:
        of(toy)
    assert str(refused.value) == f"pipelines/below.py:{message}; an edit of it would not be noticed"


@pytest.mark.parametrize("name", ["helper", "stages.deep"])
def test_the_projects_code_outside_the_science_is_refused_by_name(toy: Path, name: str) -> None:
    (toy / "stages").mkdir()
    for file in ("helper.py", "stages/__init__.py", "stages/deep.py"):
        (toy / file).write_text("SHARE = 1\n")
    (toy / "pipelines/below.py").write_text(f"from {name} import SHARE\n")
    with pytest.raises(CodeNotFollowed) as refused:
        of(toy)
    assert str(refused.value) == (
        f"pipelines/below.py: imports {name.partition('.')[0]!r}, which is the project's own and not below pipelines/; "
        "an edit of it would not be noticed: move what is needed to pipelines/"
    )


EVERY_SYNTAX = '''
"""Doc."""
import os.path as p
from . import below
async def f(x, /, y: int = 1, *a, z=-0.5e-3, **k) -> None:
    """Doc."""
    async with g() as (u, v): await u
    return lambda q: {**k, "a": (yield)} if x is not None else [i for i in a if i][1:2, ...]
class C(B, metaclass=M):
    n: float = 1_000; s = b"b"; r = "a" "b" u"c"; t = f"{x!r:>{y}} {{}} " "d" f"{s=} {s:%Y-%m}" f""
    @property
    def w(self): return (m := 10**40) % 3j
match p:
    case {"k": [1, *_], **rest} | C(n=2): pass
    case _ if True: raise E from None
try: pass
except* (A, B) as e: del e
else: assert not x, "t"
finally: global h
while ~x << 2: break
else: x += 1
'''


def test_the_digest_is_the_same_on_every_version_of_python(toy: Path) -> None:
    """Pinned: Python 3.11, 3.12 and 3.13 gave this one (2026-11-26)."""
    (toy / "pipelines/top.py").write_text(EVERY_SYNTAX)
    assert of(toy) == "910ccae959c7681e60fcf66710703b3d"


def test_an_edit_of_any_module_on_the_path_of_a_number_changes_its_key(tmp_path: Path) -> None:
    """Each module that training, predicting under a condition, or measuring goes through, one by one."""
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    parts_of = {"method": {"use": "mixup"}, "model": {"use": "vit"}, "sibling": {"use": "trojan"}}
    paths = {
        "run": training_modules({"domain": "vision", "data": {}, **parts_of}),
        "cell": condition_modules("vision", {"use": "attack_ensemble"}),
        "values": importlib.import_module("pipelines.measuring").modules("worst_group_accuracy"),
    }
    code = CodePath(tmp_path)
    on_them = {key: code.names(modules) for key, modules in paths.items()}
    before = {key: code.digest(modules) for key, modules in paths.items()}
    assert {"pipelines.vision.running", "pipelines.vision.training", "pipelines.vision.triggers"} <= on_them["run"]
    assert {"pipelines.vision.running", "pipelines.vision.condition", "pipelines.outcomes"} <= on_them["cell"]
    assert {"pipelines.measuring", "pipelines.metrics._groups", "pipelines.scaling"} <= on_them["values"]
    for file in sorted(set().union(*(code.files(modules) for modules in paths.values()))):
        source = (tmp_path / file).read_text()
        (tmp_path / file).write_text(f"{source}\nEDITED = 1\n")
        name = file.with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        edited = CodePath(tmp_path)
        edited.known = {known: module for known, module in code.known.items() if known != name}  # read before, as it is
        after = {key: edited.digest(modules) for key, modules in paths.items()}
        (tmp_path / file).write_text(source)
        assert {key for key in paths if after[key] != before[key]} == {key for key in paths if name in on_them[key]}


def test_no_method_is_on_the_path_of_training_itself() -> None:
    """So an edited method trains that method again, and no other."""
    code = CodePath()
    folders = ("pipelines.supervised.methods", "pipelines.vision.methods")
    methods = {f"{folder}.{name}" for folder in folders for name in parts.names(folder)}
    assert not code.names(["pipelines.vision.running"]) & methods
    assert code.names(["pipelines.vision.methods.mixup"]) & methods == {f"{folder}.mixup" for folder in folders}


def test_dvc_knows_all_the_code_that_prepares_the_data() -> None:
    """An edit of a file that decides a dataset or a condition's examples makes `dvc repro` prepare them again."""
    conditions = [f"pipelines.vision.conditions.{name}" for name in parts.names("pipelines.vision.conditions")]
    stages = ruamel.yaml.YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    known = [Path(dependency) for dependency in stages["prepare"]["deps"]]
    for dataset in parts.names("pipelines.vision.datasets"):
        modules = ["pipelines.vision.domain", f"pipelines.vision.datasets.{dataset}", *conditions]
        for file in CodePath().files(modules):
            assert file.name == "__init__.py" or any(file.is_relative_to(dependency) for dependency in known), file


def test_code_that_is_not_the_planned_code_is_refused(toy: Path) -> None:
    planned = [(f"run {seed}", ["pipelines.top"], of(toy)) for seed in (0, 1)]
    check_planned(planned, CodePath(toy))
    (toy / "pipelines/below.py").write_text("def g(x):\n    return 2 * x\n")
    with pytest.raises(CodeChanged) as refused:
        check_planned([*planned, ("condition clean", ["pipelines.aside"], "0")], CodePath(toy))
    assert str(refused.value) == (
        "pipelines/ was edited after the study was planned: the code of run 1 and 1 more is not the code in its key; "
        "run `dvc repro` again, or `dvc repro --force plan` first where it finds that plan didn't change"
    )
