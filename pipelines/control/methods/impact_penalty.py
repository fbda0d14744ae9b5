"""Impact penalty: what can't be undone, and would not have happened had the agent done nothing, is taken off its reward
(Krakovna et al. 2018, arXiv 1806.01186; Turner et al. 2019, arXiv 1902.09725)."""

from functools import partial

from torch import Tensor

from pipelines.control.agent import Agent
from pipelines.control.method import Learning, Method, Practice
from pipelines.control.ppo import Taken
from pipelines.parts import Positive


def method(*, weight: Positive = 0.3) -> Method:
    """weight: taken off for each irreversible change (a thing broken, a switch thrown). Cost 1. Claimed gains: less
    harm, fewer switches thrown."""

    def prepare(practice: Practice, trusted: Agent | None) -> Learning:
        return Learning(partial(less_impact, weight))

    return Method(prepare=prepare)


def less_impact(weight: float, taken: Taken) -> Tensor:
    """The reward less the weight for each irreversible change."""
    return taken.happened.reward - weight * taken.happened.events["irreversible"]
