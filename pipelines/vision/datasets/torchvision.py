"""A classification dataset of torchvision, downloaded where it is not there yet."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data import DataError
from pipelines.parts import Count, Range, Share, Whole
from pipelines.vision.data import Loader
from pipelines.vision.datasets import _images
from pipelines.vision.datasets._labelled import AtLeastTwo, Choices, Source, loader

A_FEW = "MNIST, FashionMNIST, KMNIST, CIFAR10, CIFAR100, SVHN, STL10, GTSRB, DTD, Flowers102"


def dataset(
    *,
    name: str,
    root: str = "data",
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
    """name: a class of torchvision.datasets with a train and a test split. root: the folder it is or will be in. train,
    more_train (of what train leaves), test: at most so many images, every class in its share. validation_share (of
    training, for validation and for the capability score), test_share (of all): where it has no such split.
    near_outliers: {use: dataset, ...its options}."""
    opened = opener(name)
    choices = Choices(
        size, train, more_train, test, validation_share, test_share, outliers, training_outliers, near_outliers, seed
    )
    return loader("torchvision", lambda: source(name, Path(root), opened), choices)


def opener(name: str) -> Callable[[Path, str], Any]:
    """What opens a split, `train` or `test`, of the dataset of that name. Raises ValueError."""
    # imported here: it takes seconds, and no other dataset needs it; the first declares operators the second needs
    importlib.import_module("pipelines._torchvision")
    datasets = importlib.import_module("torchvision.datasets")

    made = getattr(datasets, name, None) if name in datasets.__all__ else None
    if made is None:
        raise ValueError(f"'name' is {name!r}, not a class of torchvision.datasets: {A_FEW}, ...")
    accepted = inspect.signature(made.__init__).parameters
    by_split = "split" in accepted and accepted["split"].default is not inspect.Parameter.empty
    if not by_split and "train" not in accepted:
        raise ValueError(f"'name' is {name!r}, which has no train and test split; some that have: {A_FEW}")
    download = {"download": True} if "download" in accepted else {}

    def opened(root: Path, kind: str) -> Any:
        which = {"split": kind} if by_split else {"train": kind == "train"}
        return made(root, **which, **download)

    return opened


def source(name: str, root: Path, opened: Callable[[Path, str], Any]) -> Source:
    """The dataset's labels, after a download if need be. Raises DataError."""
    try:
        found = {kind: opened(root, kind) for kind in ("train", "test")}
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{root}: {name} cannot be opened or downloaded: {reason}") from error
    labels = {kind: labels_of(name, split) for kind, split in found.items()}
    classes = int(labels["train"].max()) + 1
    class_names = tuple(map(str, getattr(found["train"], "classes", range(classes))))

    def read(kind: str, rows: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
        return _images.squares((found[kind][int(row)][0] for row in rows), len(rows), size)

    return Source(name, class_names, labels, read)


def labels_of(name: str, split: Any) -> NDArray[np.int64]:
    """The labels that a dataset keeps, under one of the names that torchvision uses. Raises DataError."""
    for attribute in ("targets", "labels", "_labels"):
        if hasattr(split, attribute):
            labels = np.asarray(getattr(split, attribute))
            if labels.ndim == 1 and labels.dtype.kind in "iu" and labels.min() >= 0:
                return labels.astype(np.int64)
    raise DataError(f"torchvision: {name} has no label for each image; accepted: {A_FEW}, ...")
