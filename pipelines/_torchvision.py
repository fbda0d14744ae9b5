"""A fix for a CPU build of torch beside the registry's (CUDA) build of torchvision: `import timm` would die of it.

torchvision's compiled operators then do not load, and its import stops with `operator torchvision::nms does not
exist`. Declaring the two operators' schemas is enough: nothing here calls them. Import this module before timm or
torchvision; it does nothing on a machine where torchvision's operators load.
"""

import importlib.util
from pathlib import Path

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def declare_missing_operators() -> torch.library.Library | None:
    """The library that declares `nms` and `qnms`, or None where torchvision brings its own."""
    found = importlib.util.find_spec("torchvision")
    if torch.version.cuda is not None or found is None or found.origin is None:
        return None
    try:
        torch.ops.load_library(str(next(Path(found.origin).parent.glob("_C*"))))
    except (OSError, StopIteration):
        library = torch.library.Library("torchvision", "FRAGMENT")
        library.define("nms" + _SCHEMA)
        library.define("qnms" + _SCHEMA)
        return library
    return None


DECLARED = declare_missing_operators()  # torch forgets the operators when the library is collected
