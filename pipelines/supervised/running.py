"""What makes the numbers of a run of a domain of classifiers, as far as it does not depend on what goes in."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.data import LEARNT
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import Condition
from pipelines.supervised.draws import numpy_generator, torch_generator
from pipelines.supervised.method import Method

Spec = Mapping[str, Any]


class Running:
    """Models, splits and outcomes from a domain's parts: `part` makes one of a kind of a specification, `{use,
    options}`.
    """

    def __init__(self, part: Callable[[str, Spec], Any]):
        self.part = part

    def architecture(self, model: Spec, method: Method) -> Any:
        """The architecture of a model, as wide as the method makes it."""
        options = model["options"]
        return self.part("models", {**model, "options": {**options, "width": options["width"] * method.width}})

    def learnt(self, run: Spec, splits: Mapping[str, Any]) -> Mapping[str, Any]:
        """The splits that a run learns from: of a second model, as its condition changes them."""
        if not run["sibling"]:
            return splits
        condition: Condition[Any, Any, Any] = self.part("conditions", run["sibling"])
        if not condition.sibling:
            return splits
        changed = dict(splits)
        for name in [name for name in LEARNT if name in splits]:
            generator = numpy_generator(run["seed"], f"sibling/{run['sibling']['use']}/{name}")
            changed[name] = condition.sibling(splits[name], generator)
        return changed

    def predict(self, condition: Spec, model: Classifier, examples: Any, seed: int) -> Outcomes:
        """A model's outcomes under a condition."""
        chosen: Condition[Any, Any, Any] = self.part("conditions", condition)
        return chosen.outcomes(model, examples, torch_generator(seed, f"condition/{condition['use']}"))


def restored(
    method: Method, fresh: Callable[..., Any], weights: Mapping[str, NDArray[np.generic]], device: str
) -> Classifier:
    """A method's classifier with the weights of a finished run, ready to be evaluated; `fresh` builds its backbone."""
    classifier = method.build(fresh, 0)
    classifier.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return classifier.to(device).eval()
