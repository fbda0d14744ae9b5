"""Folders and files that cannot be used: each says in one line where, what was found and what is accepted."""

import gzip
import io
import math
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines import parts
from pipelines.data import DataError

SUFFIXES = ".bmp, .gif, .jpeg, .jpg, .pgm, .png, .ppm, .tif, .tiff, .webp"
LAYOUTS = "<path>/train/<class>/<image> (and test, validation) or <path>/<class>/<image>"
ARCHIVE = "a NumPy archive, .npz"
LABELS = np.arange(20, dtype=np.uint8) % 2
IMAGES = np.zeros((20, 6, 6), dtype=np.uint8)


def fault(act: Callable[[], Any]) -> str:
    with pytest.raises(DataError) as caught:
        act()
    return str(caught.value)


def shape(use: str, **options: Any) -> Any:
    return parts.load("pipelines.vision.datasets", use, options).shape()


def load(use: str, **options: Any) -> Any:
    return parts.load("pipelines.vision.datasets", use, options).load()


def classes(path: Path, *names: str, images: int = 10) -> Path:
    for name in names:
        (path / name).mkdir(parents=True)
        for index in range(images):
            Image.new("L", (8, 8)).save(path / name / f"{index}.png")
    return path


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    assert fault(lambda: shape("folder", path=f"{tmp_path}/x")) == f"{tmp_path}/x: no such folder; accepted: {LAYOUTS}"
    (tmp_path / "x").touch()
    assert fault(lambda: shape("folder", path=f"{tmp_path}/x")) == f"{tmp_path}/x: not a folder; accepted: {LAYOUTS}"


def test_folder_without_classes(tmp_path: Path) -> None:
    message = f"{tmp_path}: holds no folder of a class; accepted: {LAYOUTS}"
    assert fault(lambda: shape("folder", path=str(tmp_path))) == message
    classes(tmp_path / "train", "a", "b")
    (tmp_path / "test").mkdir()
    message = f"{tmp_path}/test: holds no folder of a class; accepted: {LAYOUTS}"
    assert fault(lambda: shape("folder", path=str(tmp_path))) == message


def test_folder_with_an_empty_class(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    classes(tmp_path, "eel", images=0)
    (tmp_path / "eel" / "list.txt").touch()
    message = f"{tmp_path}/eel: class 'eel' holds no image; accepted: {SUFFIXES}"
    assert fault(lambda: shape("folder", path=str(tmp_path))) == message


def test_folder_with_one_class(tmp_path: Path) -> None:
    classes(tmp_path, "cat")
    message = f"{tmp_path}: holds 1 class, 'cat'; accepted: at least 2"
    assert fault(lambda: shape("folder", path=str(tmp_path))) == message


def test_folder_whose_splits_have_other_classes(tmp_path: Path) -> None:
    classes(tmp_path / "train", "cat", "dog")
    classes(tmp_path / "test", "cat", "eel", "dog")
    message = f"{tmp_path}/train: has no class 'eel', which another split has; accepted: the same in each"
    assert fault(lambda: shape("folder", path=str(tmp_path))) == message


def test_folder_with_a_split_of_another_name(tmp_path: Path) -> None:
    classes(tmp_path / "train", "cat", "dog")
    classes(tmp_path / "extra", "cat", "dog")
    message = f"{tmp_path}/extra: not a split; accepted: train, test, validation, val, valid"
    assert fault(lambda: shape("folder", path=str(tmp_path))) == message


def test_folder_with_validation_twice_or_without_train(tmp_path: Path) -> None:
    classes(tmp_path / "test", "cat", "dog")
    classes(tmp_path / "val", "cat", "dog")
    message = f"{tmp_path}: holds no train split; accepted: {LAYOUTS}"
    assert fault(lambda: shape("folder", path=str(tmp_path))) == message
    classes(tmp_path / "valid", "cat", "dog")
    message = f"{tmp_path}/valid: a second validation split beside {tmp_path}/val; accepted: one"
    assert fault(lambda: shape("folder", path=str(tmp_path))) == message


def test_a_corrupt_image_is_named(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    file = tmp_path / "dog" / "3.png"
    file.write_text("not an image")
    shape("folder", path=str(tmp_path))
    message = f"{file}: cannot be read as an image: not an image; accepted: {SUFFIXES}"
    assert fault(lambda: load("folder", path=str(tmp_path))) == message


def test_a_truncated_image_is_named(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    file = tmp_path / "dog" / "x.jpg"
    Image.effect_noise((64, 64), 80).save(file)
    file.write_bytes(file.read_bytes()[:1000])
    found = fault(lambda: load("folder", path=str(tmp_path)))
    assert found.startswith(f"{file}: cannot be read as an image: image file is truncated")
    assert found.endswith(f"; accepted: {SUFFIXES}")


def test_an_image_of_sixteen_bits_is_named(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    file = tmp_path / "dog" / "x.png"
    Image.fromarray(np.zeros((8, 8), dtype=np.uint16)).save(file)
    message = f"{file}: an image of mode 'I;16'; accepted: 1, L, LA, P, RGB, RGBA, CMYK, YCbCr"
    assert fault(lambda: load("folder", path=str(tmp_path))) == message


def test_shares_and_limits_that_leave_nothing(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    message = f"{tmp_path}: no image is left for test; accepted: at least 1"
    assert fault(lambda: shape("folder", path=str(tmp_path), test_share=0)) == message
    message = f"{tmp_path}: no image is left for validation; accepted: at least 1"
    assert fault(lambda: shape("folder", path=str(tmp_path), test_share=1)) == message
    found = fault(lambda: shape("folder", path=str(tmp_path), train=1))
    assert found.endswith("has no image among the 1 for train; accepted: at least 1")


def write(path: Path, name: str, magic: str, sides: tuple[int, ...], values: bytes) -> None:
    content = bytes.fromhex(magic) + np.array(sides, dtype=">u4").tobytes() + values
    (path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def good_idx(path: Path) -> None:
    write(path, "train-images-idx3-ubyte", "00000803", (20, 6, 6), IMAGES.tobytes())
    write(path, "train-labels-idx1-ubyte", "00000801", (20,), LABELS.tobytes())


def idx_fault(path: Path) -> str:
    return fault(lambda: load("idx", path=str(path))).removeprefix(f"{path}/")


def test_idx_folder_without_files(tmp_path: Path) -> None:
    message = (
        f"{tmp_path}: holds no file of images; accepted: train-images-idx3-ubyte or t10k-images-idx3-ubyte, or .gz"
    )
    assert idx_fault(tmp_path) == message
    message = f"{tmp_path}/x: no such folder; accepted: a folder with train-images-idx3-ubyte and the like"
    assert fault(lambda: shape("idx", path=f"{tmp_path}/x")) == message
    good_idx(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    message = f"{tmp_path}: holds images without train-labels-idx1-ubyte; accepted: that, or with .gz"
    assert idx_fault(tmp_path) == message


@pytest.mark.parametrize(
    ("name", "magic", "sides", "values", "message"),
    [
        ("images-idx3", "00000d03", (20, 6, 6), IMAGES.tobytes(),
         "starts with 00000d03; accepted: 00000803, an IDX array of bytes with 3 sides"),
        ("images-idx3", "", (), b"", "starts with nothing; accepted: 00000803, an IDX array of bytes with 3 sides"),
        ("labels-idx1", "00000803", (20,), LABELS.tobytes(),
         "starts with 00000803; accepted: 00000801, an IDX array of bytes with 1 side"),
        ("images-idx3", "00000803", (20,), b"", "ends after 8 bytes; accepted: at least 16"),
        ("images-idx3", "00000803", (20, 6, 6), IMAGES.tobytes()[:-7],
         "holds 713 values; accepted: 720, as its start says (20 x 6 x 6)"),
        ("labels-idx1", "00000801", (20,), LABELS.tobytes() + b"0",
         "holds 21 values; accepted: 20, as its start says (20)"),
        ("labels-idx1", "00000801", (20,), bytes(20), "holds 1 class, 0; accepted: at least 2"),
        ("labels-idx1", "00000801", (20,), bytes([0, 2] * 10),
         "class 1 has no image; accepted: every label from 0 to 2"),
        ("images-idx3", "00000803", (20, 0, 6), b"",
         "images of shape [20, 0, 6]; accepted: [n, height, width], with 1 or 3 channels last or none"),
    ],
)  # fmt: skip
def test_idx_files(tmp_path: Path, name: str, magic: str, sides: tuple[int, ...], values: bytes, message: str) -> None:
    good_idx(tmp_path)
    write(tmp_path, f"train-{name}-ubyte", magic, sides, values)
    assert idx_fault(tmp_path) == f"train-{name}-ubyte: {message}"


def test_idx_labels_of_another_number(tmp_path: Path) -> None:
    good_idx(tmp_path)
    write(tmp_path, "train-labels-idx1-ubyte", "00000801", (19,), LABELS.tobytes()[:19])
    images = tmp_path / "train-images-idx3-ubyte"
    assert idx_fault(tmp_path) == f"train-labels-idx1-ubyte: 19 labels for 20 images in {images}; accepted: one each"


def test_idx_test_labels_out_of_range(tmp_path: Path) -> None:
    good_idx(tmp_path)
    write(tmp_path, "t10k-images-idx3-ubyte", "00000803", (3, 6, 6), bytes(108))
    write(tmp_path, "t10k-labels-idx1-ubyte", "00000801", (3,), bytes([0, 7, 1]))
    assert idx_fault(tmp_path) == "t10k-labels-idx1-ubyte: row 1 is 7; accepted: 0 to 1"


def test_idx_gzip_cut_short(tmp_path: Path) -> None:
    good_idx(tmp_path)
    packed = gzip.compress((tmp_path / "train-images-idx3-ubyte").read_bytes())
    (tmp_path / "train-images-idx3-ubyte").unlink()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(packed[:-12])
    assert idx_fault(tmp_path) == (
        "train-images-idx3-ubyte.gz: cannot be read: Compressed file ended before the end-of-stream marker was "
        "reached; accepted: a whole IDX file, plain or gzipped"
    )
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"not gzip")
    assert idx_fault(tmp_path) == (
        "train-images-idx3-ubyte.gz: cannot be read: Not a gzipped file (b'no'); "
        "accepted: a whole IDX file, plain or gzipped"
    )


def npz_fault(file: Path, **arrays: Any) -> str:
    np.savez(file, **arrays)
    return fault(lambda: load("npz", images=str(file))).removeprefix(f"{file}: ")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": LABELS.astype(float)}, "labels: labels of type float64; accepted: whole numbers"),
        ({"labels": LABELS.astype(bool)}, "labels: labels of type bool; accepted: whole numbers"),
        ({"labels": np.eye(20, dtype=int)}, "labels: labels of shape [20, 20]; accepted: [n]"),
        ({"labels": LABELS.astype(int) - 1}, "labels: row 0 is -1; accepted: 0 to 2147483647"),
        ({"images": IMAGES / 255}, "images: images of type float64; accepted: uint8"),
        ({"images": IMAGES[:, :3]}, None),
        ({"images": IMAGES[:, 0]},
         "images: images of shape [20, 6]; accepted: [n, height, width], with 1 or 3 channels last or none"),
        ({"images": np.zeros((20, 3, 6, 6), np.uint8)},
         "images: images of shape [20, 3, 6, 6]; accepted: [n, height, width], with 1 or 3 channels last or none"),
        ({"labels": LABELS.astype(object)}, "labels: holds Python objects, which are not unpickled; accepted: numbers"),
    ],
)  # fmt: skip
def test_archives(tmp_path: Path, arrays: dict[str, Any], message: str | None) -> None:
    arrays = {"images": IMAGES, "labels": LABELS} | arrays
    if message is None:
        np.savez(tmp_path / "a.npz", **arrays)
        assert load("npz", images=str(tmp_path / "a.npz")).class_names == ("0", "1")
    else:
        assert npz_fault(tmp_path / "a.npz", **arrays) == message


def test_archives_of_other_arrays(tmp_path: Path) -> None:
    names = "train_images and train_labels, x_train and y_train, images and labels, x and y"
    assert npz_fault(tmp_path / "a.npz", pictures=IMAGES) == f"holds the arrays pictures; accepted: {names}"
    assert npz_fault(tmp_path / "b.npz") == f"holds the arrays (none); accepted: {names}"
    np.savez(tmp_path / "c.npz", a=LABELS, b=LABELS)
    files = {"images": f"{tmp_path}/c.npz", "labels": f"{tmp_path}/c.npz"}
    assert fault(lambda: shape("npz", **files)) == f"{tmp_path}/c.npz: holds the arrays a, b; accepted: one array"


def test_archives_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    assert fault(lambda: shape("npz", images=str(file))) == f"{file}: No such file or directory; accepted: {ARCHIVE}"
    file.write_text("text")
    assert fault(lambda: shape("npz", images=str(file))) == f"{file}: File is not a zip file; accepted: {ARCHIVE}"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "text, not an array")
    found = fault(lambda: shape("npz", images=str(file)))
    assert found.startswith(f"{file}: the magic string is not correct")
    assert found.endswith(f"; accepted: {ARCHIVE}")


def test_an_archive_with_a_flipped_byte(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, images=np.full((20, 30, 30), 77, dtype=np.uint8), labels=LABELS)
    content = bytearray(file.read_bytes())
    content[content.index(bytes([77] * 50)) + 9000] ^= 1
    file.write_bytes(content)
    shape("npz", images=str(file))
    found = fault(lambda: load("npz", images=str(file)))
    assert found == f"{file}: images: Bad CRC-32 for file 'images.npy'; accepted: {ARCHIVE}"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["fifo", "socket", "folder", "link to nothing", "link to a fifo"])
def test_what_is_no_file_is_named_and_not_opened(tmp_path: Path, kind: str) -> None:
    odd = classes(tmp_path / "images", "a", "b") / "a/z.png"
    if kind == "folder":
        odd.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(os.path.relpath(odd))
    elif kind == "fifo":
        os.mkfifo(odd)
    else:
        os.mkfifo(tmp_path / "fifo")
        odd.symlink_to(tmp_path / ("fifo" if kind == "link to a fifo" else "nothing"))
    assert fault(lambda: shape("folder", path=f"{tmp_path}/images")) == f"{odd}: not a file; accepted: {SUFFIXES}"


@pytest.mark.timeout(20)
def test_an_archive_that_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    assert npz_fault_of(tmp_path / "a.npz") == "not a file; accepted: a NumPy archive, .npz"


def npz_fault_of(file: Path) -> str:
    return fault(lambda: load("npz", images=str(file))).removeprefix(f"{file}: ")


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (10**15, "y_train: row 3 is 1000000000000000; accepted: 0 to 2147483647"),
        (2**64 - 1, "y_train: row 3 is 18446744073709551615; accepted: 0 to 2147483647"),
        (2**31 - 1, "y_train: class 2 has no image; accepted: every label from 0 to 2147483647"),
    ],
)
def test_a_huge_label_takes_no_memory(tmp_path: Path, label: int, message: str) -> None:
    labels = LABELS.astype(np.uint64)
    labels[3] = label
    assert npz_fault(tmp_path / "a.npz", x_train=IMAGES, y_train=labels) == message


@pytest.mark.parametrize("shape", [(20, 250_000, 250_000), (20, 6, 5), (2**40, 2**40, 2**40)])
def test_a_header_that_announces_other_bytes_than_follow(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """It is read and compared before memory is taken."""
    np.savez(tmp_path / "good.npz", x_train=IMAGES, y_train=LABELS)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "good.npz") as good, zipfile.ZipFile(tmp_path / "a.npz", "w") as bad:
        bad.writestr("y_train.npy", good.read("y_train.npy"))
        bad.writestr("x_train.npy", header.getvalue() + IMAGES.tobytes())
    assert npz_fault_of(tmp_path / "a.npz") == (
        f"x_train: announces an array of {math.prod(shape):,} bytes and holds 720; accepted: a whole array"
    )
