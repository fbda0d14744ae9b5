"""Named arrays, outcomes and weights as bytes, and back: npz and safetensors, never pickle."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from pipelines.outcomes import Outcomes

VALUE = "value/"


def npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays by name as an uncompressed npz file; the same arrays give the same bytes."""
    file = io.BytesIO()
    np.savez(file, **{name: arrays[name] for name in sorted(arrays)}, allow_pickle=False)
    return file.getvalue()


def arrays(payload: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file."""
    with np.load(io.BytesIO(payload), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def outcomes_bytes(outcomes: Outcomes) -> bytes:
    """Outcomes as npz, each of their values under its name after `value/`; their reference is stored on its own."""
    found = {**vars(outcomes), "part_names": _texts(outcomes.part_names), "flags": _texts(outcomes.flags)}
    del found["values"], found["reference"]
    found |= {f"{VALUE}{name}": value for name, value in outcomes.values.items()}
    return npz({name: value for name, value in found.items() if value is not None})


def outcomes_from(payload: bytes) -> Outcomes:
    """The outcomes of an npz."""
    found: dict[str, Any] = dict(arrays(payload))
    for name in ("part_names", "flags"):
        found[name] = tuple(found[name].tolist())
    values = {name.removeprefix(VALUE): found.pop(name) for name in list(found) if name.startswith(VALUE)}
    return Outcomes(**found, values=values)


def weights_bytes(weights: Mapping[str, NDArray[Any]]) -> bytes:
    """A model's weights as safetensors, which takes each array's memory as it lies, whatever its order."""
    return save_safetensors({name: np.asarray(value, order="C") for name, value in weights.items()})


def weights_from(payload: bytes) -> dict[str, NDArray[Any]]:
    """The weights of a safetensors file."""
    return dict(load_safetensors(payload))


def _texts(texts: tuple[str, ...]) -> NDArray[np.str_]:
    return np.array(texts, dtype=np.str_)
