"""Label smoothing: a share of each target is spread over all classes (Szegedy et al. 2016, arXiv 1512.00567)."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Share
from pipelines.supervised.method import Method, Step

TUNED = {"smoothing": (0.02, 0.3, "log")}


def method(*, smoothing: Share = 0.1) -> Method:
    """smoothing: share of the target given to all classes alike. Cost 1. Claimed gain: calibration."""

    def loss(step: Step) -> Tensor:
        return cross_entropy(step.model(step.inputs), step.labels, label_smoothing=smoothing)

    return Method(loss)
