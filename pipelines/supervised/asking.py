"""What the stages ask of a domain of classifiers before a run, as far as it does not depend on what goes in."""

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.supervised.condition import Condition
from pipelines.supervised.method import Method, same_build

Spec = Mapping[str, Any]
MOST_TIMES = 1000  # the training of standard, by a method


class Asking:
    """Answers from a domain's parts: `part` makes one of a kind of a specification, `{use, options}`."""

    def __init__(self, part: Callable[[str, Spec], Any]):
        self.part = part

    def method(self, method: Spec) -> Method:
        """The method. Raises ValueError where it takes more training than anyone would wait for."""
        chosen: Method = self.part("methods", method)
        if chosen.cost > MOST_TIMES:
            takes = f"takes {chosen.cost:,.0f} times the training of standard"
            raise ValueError(f"{takes}; accepted: at most {MOST_TIMES:,}")
        return chosen

    def condition(self, condition: Spec) -> Condition[Any, Any, Any]:
        """The condition."""
        chosen: Condition[Any, Any, Any] = self.part("conditions", condition)
        return chosen

    def training_cost(self, method: Spec) -> float:
        """A method's training time as a multiple of standard."""
        return float(self.part("methods", method).cost)

    def own_model(self, method: Spec) -> bool:
        """Whether a method trains another classifier than the model as it is."""
        chosen: Method = self.part("methods", method)
        return chosen.build is not same_build or chosen.width != 1

    def needs_groups(self, method: Spec) -> bool:
        """Whether a method needs the groups of the training examples."""
        chosen: Method = self.part("methods", method)
        return chosen.groups

    def splits_needed(self, kind: str, spec: Spec) -> tuple[str, ...]:
        """The splits that a method or condition takes from the dataset."""
        needed: Method | Condition[Any, Any, Any] = self.part(kind, spec)
        return needed.splits

    def sibling_cost(self, condition: Spec) -> float | None:
        """What the second model costs, as a multiple of the run's own training, that a condition has trained for it;
        None for a condition that looks at the run's own model.
        """
        chosen = self.condition(condition)
        return None if chosen.sibling is None else chosen.cost

    def outcomes_have(self, condition: Spec) -> tuple[str, ...]:
        """What a condition's outcomes have for metrics."""
        return self.condition(condition).has
