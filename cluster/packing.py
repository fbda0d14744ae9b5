"""Values as bytes on their way to a worker and back, large arrays beside them, so that those are not copied there."""

import pickle
from collections.abc import Sequence
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

Packed = tuple[bytes, Sequence[NDArray[np.uint8]]]  # a pickle, and the buffers that stand beside it


def pickled(value: Any) -> bytes:
    """A value as bytes; a function of a script by its content, any other by its name."""
    result: bytes = cloudpickle.dumps(value)
    return result


def unpickled(content: bytes) -> Any:
    """The value of what `pickled` returned, in a process of the same study."""
    return pickle.loads(content)


def packed(value: Any) -> Packed:
    """A value as bytes, and its arrays' memory as it is."""
    beside: list[NDArray[np.uint8]] = []
    content = cloudpickle.dumps(
        value, protocol=5, buffer_callback=lambda buffer: beside.append(np.frombuffer(buffer.raw(), np.uint8))
    )
    return content, beside


def unpacked(value: Packed) -> Any:
    """The value; its arrays are views of the buffers."""
    content, beside = value
    return pickle.loads(content, buffers=beside)
