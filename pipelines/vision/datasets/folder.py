"""A folder of images, one folder for each class, as torchvision's ImageFolder has it.

Either <path>/<split>/<class>/<image> with the splits train and test, and validation or val if you like, or
<path>/<class>/<image>, from which shares are split off. Images are turned as their EXIF orientation says.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data import DataError
from pipelines.parts import Count, Range, Share, Whole
from pipelines.vision.data import Loader
from pipelines.vision.datasets import _images
from pipelines.vision.datasets._labelled import AtLeastTwo, Choices, Source, loader

KINDS = {"train": "train", "test": "test", "validation": "validation", "val": "validation", "valid": "validation"}
LAYOUTS = "<path>/train/<class>/<image> (and test, validation) or <path>/<class>/<image>"


def dataset(
    *,
    path: str,
    size: Annotated[int, Range(8, 256)] = 32,
    train: Count | None = None,
    more_train: Whole = 0,
    test: Count | None = None,
    validation_share: Share = 0.1,
    test_share: Share = 0.2,
    outliers: AtLeastTwo = 1000,
    training_outliers: AtLeastTwo = 2000,
    near_outliers: Mapping[str, Any] | None = None,
    seed: Whole = 0,
) -> Loader:
    """path: the folder. train, more_train (of what train leaves), test: at most so many images, every class in its
    share. validation_share (of training, for validation and for the capability score), test_share (of all): where there
    is no such split. near_outliers: {use: dataset, ...its options}."""
    choices = Choices(
        size, train, more_train, test, validation_share, test_share, outliers, training_outliers, near_outliers, seed
    )
    return loader("folder", lambda: source(Path(path)), choices)


def source(path: Path) -> Source:
    """The folder's classes and files; no image is opened. Raises DataError."""
    layout = kinds_of(path)
    listed = {kind: files_by_class(folder) for kind, folder in layout.items()}
    classes = sorted(set().union(*listed.values()))
    for kind, found in listed.items():
        if absent := [name for name in classes if name not in found]:
            raise DataError(
                f"{layout[kind]}: has no class {absent[0]!r}, which another split has; accepted: the same in each"
            )
    if len(classes) < 2:
        raise DataError(f"{path}: holds 1 class, {classes[0]!r}; accepted: at least 2")
    files = {kind: [file for name in classes for file in found[name]] for kind, found in listed.items()}
    labels = {
        kind: np.repeat(np.arange(len(classes)), [len(found[name]) for name in classes])
        for kind, found in listed.items()
    }

    def read(kind: str, rows: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
        images = np.empty((len(rows), size, size, 3), dtype=np.uint8)
        for place, row in enumerate(rows):  # threads were no faster: a small image is mostly work in the interpreter
            images[place] = _images.read(files[kind][row], size)
        return images

    return Source(str(path), tuple(classes), labels, read)


def kinds_of(path: Path) -> dict[str, Path]:
    """The folder of each kind of split, or the whole as `train` where it has no splits."""
    if not path.is_dir():
        raise DataError(f"{path}: {'not a folder' if path.exists() else 'no such folder'}; accepted: {LAYOUTS}")
    inside = folders(path)
    if not inside:
        raise DataError(f"{path}: holds no folder of a class; accepted: {LAYOUTS}")
    if not any(folder.name in ("train", "test") and folders(folder) for folder in inside):
        return {"train": path}
    kinds: dict[str, Path] = {}
    for folder in inside:
        kind = KINDS.get(folder.name)
        if kind is None:
            raise DataError(f"{folder}: not a split; accepted: {', '.join(KINDS)}")
        if kind in kinds:
            raise DataError(f"{folder}: a second {kind} split beside {kinds[kind]}; accepted: one")
        kinds[kind] = folder
    if "train" not in kinds and "validation" in kinds:
        raise DataError(f"{path}: holds no train split; accepted: {LAYOUTS}")
    return kinds


def files_by_class(path: Path) -> dict[str, list[Path]]:
    """The image files of each class, both in the order of their names."""
    classes = folders(path)
    if not classes:
        raise DataError(f"{path}: holds no folder of a class; accepted: {LAYOUTS}")
    found: dict[str, list[Path]] = {}
    for folder in classes:
        with os.scandir(folder) as entries:  # knows what is a plain file without asking for each
            images = {entry.name: entry.is_file() for entry in entries if is_image(entry.name)}
        for name in sorted(name for name, plain in images.items() if not plain):
            raise DataError(f"{folder / name}: not a file; accepted: {', '.join(_images.SUFFIXES)}")
        found[folder.name] = [folder / name for name in sorted(images)]
        if not found[folder.name]:
            raise DataError(f"{folder}: class {folder.name!r} holds no image; accepted: {', '.join(_images.SUFFIXES)}")
    return found


def is_image(name: str) -> bool:
    """Whether a file of this name is taken for an image."""
    return Path(name).suffix.lower() in _images.SUFFIXES and not name.startswith(".")


def folders(path: Path) -> list[Path]:
    """The folders in a folder, without hidden ones, in the order of their names."""
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
