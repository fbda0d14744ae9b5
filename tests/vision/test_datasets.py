"""Datasets read from files that the tests write: what comes out is what was put in, and every fault is one line."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from pipelines import parts
from pipelines.data import DataError
from pipelines.parts import WrongOptions
from pipelines.vision.data import Dataset, Loader, Split
from pipelines.vision.datasets import _images
from pipelines.vision.datasets._images import square
from pipelines.vision.datasets._labelled import stratified

FEW = {"size": 8, "outliers": 6, "training_outliers": 6}
DATASETS = "digits, folder, glyphs, idx, listed, npz, torchvision"
SUFFIXES = ".bmp, .gif, .jpeg, .jpg, .pgm, .png, .ppm, .tif, .tiff, .webp"
LAYOUTS = "<path>/train/<class>/<image> (and test, validation) or <path>/<class>/<image>"


def loader(use: str, **options: Any) -> Loader:
    made: Loader = parts.load("pipelines.vision.datasets", use, FEW | options)
    return made


def coded(label: int, index: int, kind: int) -> NDArray[np.uint8]:
    """An image that says which it is: red is 20 x its label, green its index, blue its kind of split."""
    return np.broadcast_to(np.array([20 * label, index, kind], dtype=np.uint8), (8, 8, 3))


def write_classes(path: Path, counts: dict[str, int], kind: int = 0) -> None:
    for label, (name, count) in enumerate(counts.items()):
        (path / name).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(coded(label, index, kind)).save(path / name / f"{index:03}.png")


def identities(split: Split) -> set[tuple[int, ...]]:
    """The colours of images that are each of one colour."""
    assert (split.images == split.images[:, :1, :1]).all()
    return {tuple(int(value) for value in image[0, 0]) for image in split.images}


def idx(values: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, dtype=">u4").tobytes() + values.tobytes()


def gray(labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Images of 6 x 6 pixels in the gray of 20 x their label, with their row's number in the corner."""
    images = np.repeat(20 * labels.astype(np.uint8), 36).reshape(-1, 6, 6)
    images[:, 0, 0] = np.arange(len(labels))
    return images


LABELS = np.arange(40, dtype=np.uint8) % 4


def write_idx(path: Path, prefix: str, labels: NDArray[np.uint8] = LABELS, packed: bool = False) -> None:
    path.mkdir(exist_ok=True)
    for name, values in (("images-idx3", gray(labels)), ("labels-idx1", labels)):
        file = path / f"{prefix}-{name}-ubyte{'.gz' if packed else ''}"
        file.write_bytes(gzip.compress(idx(values)) if packed else idx(values))


def assert_same(first: Dataset, second: Dataset) -> None:
    assert list(first.splits) == list(second.splits)
    for name, split in first.splits.items():
        np.testing.assert_array_equal(split.images, second.splits[name].images)
        np.testing.assert_array_equal(split.labels, second.splits[name].labels)


def assert_gray_labels(dataset: Dataset) -> None:
    """The images' gray says their label, on all three channels."""
    for name in ("train", "validation", "capability", "test"):
        split = dataset.splits[name]
        assert (split.images[:, 4, 4] == 20 * split.labels[:, None]).all()


def test_a_folder_with_splits(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", {"cat": 20, "dog": 10})
    write_classes(tmp_path / "test", {"cat": 4, "dog": 4}, kind=1)
    (tmp_path / "train" / "cat" / ".hidden.png").write_text("not an image")
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not an image")
    made = loader("folder", path=str(tmp_path), validation_share=0.2)
    dataset = made.load()
    assert dataset.class_names == ("cat", "dog")
    train, validation, capability, test = (
        dataset.splits[name] for name in ("train", "validation", "capability", "test")
    )
    for split in (train, validation, capability, test):
        assert (split.images[:, 0, 0, 0] == 20 * split.labels).all()
    assert np.bincount(train.labels).tolist() == [12, 6]
    assert np.bincount(validation.labels).tolist() == np.bincount(capability.labels).tolist() == [4, 2]
    written = {(0, index, 0) for index in range(20)} | {(20, index, 0) for index in range(10)}
    assert identities(train) | identities(validation) | identities(capability) == written
    assert identities(test) == {(20 * label, index, 1) for label in range(2) for index in range(4)}
    shape = made.shape()
    assert (shape.size, shape.classes, shape.train) == (8, 2, len(train))
    assert shape.splits == tuple(dataset.splits)
    assert_same(dataset, made.load())


def test_a_folder_with_validation_keeps_it(tmp_path: Path) -> None:
    for kind, name in enumerate(("train", "test", "val")):
        write_classes(tmp_path / name, {"cat": 5, "dog": 5}, kind)
    splits = loader("folder", path=str(tmp_path)).load().splits
    written = {(20 * label, index) for label in range(2) for index in range(5)}
    for kind, name in enumerate(("train", "test", "validation")):
        found = identities(splits[name]) | (identities(splits["capability"]) if name == "train" else set())
        assert found == {(*identity, kind) for identity in written}


def test_a_flat_folder_is_split_by_shares(tmp_path: Path) -> None:
    write_classes(tmp_path, {"bus": 50, "car": 50, "train": 50})
    splits = loader("folder", path=str(tmp_path), test_share=0.2, validation_share=0.25).load().splits
    found = [identities(splits[name]) for name in ("train", "validation", "capability", "test")]
    assert [len(some) for some in found] == [60, 30, 30, 30]
    assert len(set.union(*found)) == 150
    other = loader("folder", path=str(tmp_path), test_share=0.2, validation_share=0.25, seed=1).load().splits
    assert identities(other["test"]) != found[3]


def test_train_and_test_are_upper_limits_that_keep_shares(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", {"cat": 40, "dog": 20})
    write_classes(tmp_path / "test", {"cat": 8, "dog": 4})
    made = loader("folder", path=str(tmp_path), train=12, test=6, validation_share=0.1)
    splits = made.load().splits
    assert np.bincount(splits["train"].labels).tolist() == [8, 4]
    assert np.bincount(splits["test"].labels).tolist() == [4, 2]
    assert made.shape().train == 12
    whole = loader("folder", path=str(tmp_path), train=1000, validation_share=0.1).load().splits
    assert len(whole["train"]) == 48


def test_a_stratified_order_has_every_class_in_its_share_from_the_start() -> None:
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    order = stratified(labels, np.random.default_rng(0))
    assert sorted(order) == list(range(100))
    for count in range(1, 101):
        exact = count * np.array([0.6, 0.3, 0.1])
        assert (np.abs(np.bincount(labels[order[:count]], minlength=3) - exact) < 2).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_a_picture_of_any_kind_is_three_channels(mode: str) -> None:
    white = Image.new("RGB", (32, 32), (255, 255, 255)).convert(mode)
    np.testing.assert_array_equal(square(white, 32), np.full((32, 32, 3), 255))


@pytest.mark.parametrize(
    ("width", "height", "rows", "columns"),
    [(28, 28, 2, 2), (32, 32, 0, 0), (24, 32, 0, 4), (64, 64, 0, 0), (64, 32, 8, 0), (8, 8, 0, 0), (10, 20, 0, 8)],
)
def test_sizes_are_padded_or_resized(width: int, height: int, rows: int, columns: int) -> None:
    expected = np.zeros((32, 32, 3), dtype=np.uint8)
    expected[rows : 32 - rows, columns : 32 - columns] = 200
    np.testing.assert_array_equal(square(Image.new("L", (width, height), 200), 32), expected)


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files(tmp_path: Path, packed: bool) -> None:
    write_idx(tmp_path, "train", packed=packed)
    write_idx(tmp_path, "t10k", LABELS[::-1].copy(), packed=packed)
    made = loader("idx", path=str(tmp_path), validation_share=0.2)
    dataset = made.load()
    assert_gray_labels(dataset)
    assert {name: len(dataset.splits[name]) for name in ("train", "validation", "capability", "test")} == {
        "train": 24,
        "validation": 8,
        "capability": 8,
        "test": 40,
    }
    rows = np.concatenate([dataset.splits[name].images[:, 1, 1, 0] for name in ("train", "validation", "capability")])
    assert sorted(rows) == list(range(40))
    assert (dataset.splits["test"].images[:, 0] == 0).all(), "6 pixels in 8 stand in a black frame"
    assert made.shape().train == 24
    assert dataset.class_names == ("0", "1", "2", "3")


def test_idx_files_of_one_split_are_split_by_shares(tmp_path: Path) -> None:
    write_idx(tmp_path, "t10k")
    dataset = loader("idx", path=str(tmp_path), test_share=0.5, validation_share=0.2).load()
    assert_gray_labels(dataset)
    assert [len(dataset.splits[name]) for name in ("train", "validation", "capability", "test")] == [12, 4, 4, 20]


@pytest.mark.parametrize("names", [("x_train", "y_train", "x_test", "y_test"), ("images", "labels")])
def test_an_archive_with_images_and_labels(tmp_path: Path, names: tuple[str, ...]) -> None:
    arrays: list[Any] = [gray(LABELS)[..., None], LABELS[:, None].astype(np.int64)] * (len(names) // 2)
    named: dict[str, Any] = dict(zip(names, arrays, strict=True))
    np.savez(tmp_path / "a.npz", **named)
    dataset = loader("npz", images=str(tmp_path / "a.npz")).load()
    assert_gray_labels(dataset)
    assert len(dataset.splits["test"]) == (40 if "x_test" in names else 8)


def test_archives_of_their_own_for_images_and_labels(tmp_path: Path) -> None:
    for name, array in {"i": gray(LABELS), "l": LABELS}.items():
        np.savez_compressed(tmp_path / f"{name}.npz", array)
    files = {"images": str(tmp_path / "i.npz"), "labels": str(tmp_path / "l.npz")}
    pool = loader("npz", **files).load()
    assert_gray_labels(pool)
    assert len(pool.splits["test"]) == 8
    tested = loader("npz", **files, test_images=files["images"], test_labels=files["labels"]).load()
    assert_gray_labels(tested)
    assert len(tested.splits["test"]) == 40


def test_digits_are_those_of_scikit_learn() -> None:
    made = loader("digits", test_share=0.25)
    splits = made.load().splits
    known = load_digits()
    images = np.rint(known.images * 255 / 16).astype(np.uint8)
    written = {(image.tobytes(), label) for image, label in zip(images, known.target, strict=True)}
    found = [
        (np.ascontiguousarray(image[..., 0]).tobytes(), label)
        for name in ("train", "validation", "capability", "test")
        for image, label in zip(splits[name].images, splits[name].labels, strict=True)
    ]
    assert set(found) == written
    assert len(found) == 1797
    assert made.shape().train == len(splits["train"])
    shares = np.bincount(splits["test"].labels) / np.bincount(known.target)
    assert (np.abs(shares - 0.25) < 0.01).all()
    larger = loader("digits", size=32).load().splits["train"].images
    assert larger.shape[1:] == (32, 32, 3)


def test_more_training_images_are_those_that_the_limit_leaves() -> None:
    made = loader("digits", train=600, more_train=300)
    splits = made.load().splits
    assert made.shape().splits == tuple(splits)
    assert made.shape().train == len(splits["train"]) == 600
    assert len(splits["more_train"]) == 300
    assert (np.abs(np.bincount(splits["more_train"].labels) - 30) <= 3).all()
    without = loader("digits", train=600).load().splits
    assert "more_train" not in without
    for name, split in without.items():
        np.testing.assert_array_equal(split.images, splits[name].images)
    images = [image.tobytes() for name in ("train", "more_train", "test") for image in splits[name].images]
    assert len(set(images)) > 0.99 * len(images), "a few of the source are written alike"
    with pytest.raises(DataError) as caught:
        loader("digits", more_train=1).shape()
    assert str(caught.value) == "digits: no image is left for more_train; accepted: at least 1"


def test_torchvision_reads_what_is_there(tmp_path: Path) -> None:
    write_idx_of_mnist(tmp_path)
    made = loader("torchvision", name="MNIST", root=str(tmp_path), validation_share=0.2)
    dataset = made.load()
    assert_gray_labels(dataset)
    assert [len(dataset.splits[name]) for name in ("train", "validation", "capability", "test")] == [24, 8, 8, 40]
    assert made.shape().train == 24
    assert dataset.class_names[0] == "0 - zero"


def write_idx_of_mnist(root: Path) -> None:
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    labels = np.arange(40, dtype=np.uint8) % 10
    for prefix in ("train", "t10k"):
        write_idx(folder, prefix, labels)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Mnist",
            "'name' is 'Mnist', not a class of torchvision.datasets: "
            "MNIST, FashionMNIST, KMNIST, CIFAR10, CIFAR100, SVHN, STL10, GTSRB, DTD, Flowers102, ...",
        ),
        (
            "EMNIST",
            "'name' is 'EMNIST', which has no train and test split; some that have: "
            "MNIST, FashionMNIST, KMNIST, CIFAR10, CIFAR100, SVHN, STL10, GTSRB, DTD, Flowers102",
        ),
    ],
)
def test_torchvision_names(name: str, message: str) -> None:
    with pytest.raises(ValueError, match="'") as caught:
        loader("torchvision", name=name)
    assert str(caught.value) == message


def test_torchvision_without_files_or_network_is_one_line(tmp_path: Path) -> None:
    root = tmp_path / "file"
    root.write_text("a file where the folder would be made")
    with pytest.raises(DataError) as caught:
        loader("torchvision", name="MNIST", root=str(root)).shape()
    assert str(caught.value) == (
        f"{root}: MNIST cannot be opened or downloaded: [Errno 20] Not a directory: '{root}/MNIST'"
    )


def test_outliers_come_with_every_dataset() -> None:
    splits = loader("digits", outliers=7, training_outliers=9).load().splits
    assert splits["far_outliers"].part_names == ("textures", "noise")
    assert splits["training_outliers"].part_names == ("mosaics", "strokes")
    for name, count in (("far_outliers", 7), ("training_outliers", 9)):
        assert (splits[name].labels == -1).all()
        assert len(splits[name]) == count
        assert set(splits[name].parts) == {0, 1}
        assert len({image.tobytes() for image in splits[name].images}) == count


def test_near_outliers_are_another_dataset_s_test_split(tmp_path: Path) -> None:
    write_idx(tmp_path, "t10k")
    near = {"use": "idx", "path": str(tmp_path), "test_share": 0.5}
    made = loader("digits", near_outliers=near)
    dataset = made.load()
    found, other = dataset.splits["near_outliers"], loader("idx", path=str(tmp_path), test_share=0.5).load()
    np.testing.assert_array_equal(found.images, other.splits["test"].images)
    assert (found.labels == -1).all()
    assert (found.parts == 0).all()
    assert found.part_names == ("idx",)
    assert made.shape().splits == tuple(dataset.splits)
    assert "near_outliers" not in loader("digits").shape().splits
    assert (
        len(loader("digits", size=16, near_outliers={"use": "glyphs", "test": 10}).load().splits["near_outliers"]) == 10
    )


@pytest.mark.parametrize(
    ("near", "message"),
    [
        ({}, f"'near_outliers' needs 'use': one of {DATASETS}"),
        ({"use": "mnist"}, f"'near_outliers': 'mnist' is not one of the datasets: {DATASETS}"),
        ({"use": "idx"}, "'near_outliers': 'path' is missing"),
        ({"use": "digits", "size": 8}, "'near_outliers' has the images' size already, 8: leave out 'size'"),
    ],
)
def test_near_outliers_that_cannot_be(near: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="'") as caught:
        loader("digits", near_outliers=near)
    assert str(caught.value) == message


def test_broken_near_outliers_are_found_before_any_work(tmp_path: Path) -> None:
    made = loader("digits", near_outliers={"use": "folder", "path": str(tmp_path / "none")})
    with pytest.raises(DataError) as caught:
        made.shape()
    assert str(caught.value) == f"{tmp_path}/none: no such folder; accepted: {LAYOUTS}"


def test_options_out_of_range() -> None:
    with pytest.raises(WrongOptions) as caught:
        loader("digits", size=4, train=0, test_share=2.0)
    assert caught.value.faults == [
        "'size' is 4, not a whole number from 8 to 256",
        "'train' is 0, not a whole number of at least 1 or null",
        "'test_share' is 2.0, not a number from 0 to 1",
    ]


def test_archive_options_that_go_together() -> None:
    with pytest.raises(ValueError, match="'") as caught:
        loader("npz", images="i.npz", labels="l.npz", test_images="t.npz")
    assert str(caught.value) == "'test_images' and 'test_labels' go together, beside 'images' and 'labels'"


def test_a_damaged_torchvision_dataset_is_one_line(tmp_path: Path) -> None:
    write_idx_of_mnist(tmp_path)
    file = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(DataError) as caught:
        loader("torchvision", name="MNIST", root=str(tmp_path)).shape()
    assert str(caught.value) == (
        f"{tmp_path}: MNIST cannot be opened or downloaded: shape '[40, 6, 6]' is invalid for input of size 1435"
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_a_folders_images_stand_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    """A picture whose left upper corner alone is white, stored in each of EXIF's orientations."""
    upright = np.zeros((16, 16), dtype=np.uint8)
    upright[:8, :8] = 255
    stored = {  # what a camera that was held so writes
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.T, 6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / f"a{suffix}"
    Image.fromarray(np.ascontiguousarray(stored[orientation])).convert("RGB").save(file, exif=exif)
    assert np.abs(_images.read(file, 16)[..., 0].astype(int) - upright).max() < 60
