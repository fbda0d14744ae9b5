"""What takes several runs of a domain of classifiers at once, as far as it does not depend on what goes in."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.cohort import Member, possible, train_together
from pipelines.supervised.condition import Condition
from pipelines.supervised.device import compute_reproducibly
from pipelines.supervised.draws import torch_generator
from pipelines.supervised.method import Method, TrainingData
from pipelines.supervised.running import Running, Spec
from pipelines.supervised.several import OfEach
from pipelines.supervised.training import Augment, Budget, as_it_is

About = Mapping[str, Any]  # what the shape says of the data
TRIED = 4  # examples


def not_augmented(budget: Any) -> Augment:
    """No augmentation, whatever the budget."""
    return as_it_is


@dataclass(frozen=True)
class Together:
    """Classifiers of one architecture and method at several seeds, trained and looked at together.

    running  makes the domain's parts
    budget   of the options of the section `training`
    build    of an architecture and what the shape says of the data: makes fresh classifiers
    data     of splits, a method, what the shape says and a device: what a run may learn from
    few      so many examples of a split, whatever is in them, of what the shape says
    augment  of a budget
    """

    running: Running
    budget: Callable[..., Budget]
    build: Callable[[Any, About], Build]
    data: Callable[[Mapping[str, Any], Method, About, str], TrainingData]
    few: Callable[[int, About], Any]
    augment: Callable[[Any], Augment] = not_augmented

    def train(
        self, run: Spec, splits: Mapping[str, Any], device: str, checkpoints: Collection[int] = ()
    ) -> list[Member]:
        """The trained models of a cohort, `{model, method, training, data, sibling, cohort}`, by its seeds: each at
        its checkpoints and, last, at the end; or the error of one that diverged.
        """
        compute_reproducibly()
        method: Method = self.running.part("methods", run["method"])
        fresh = self.build(self.running.architecture(run["model"], method), run["data"])
        budget, seeds = self.budget(**run["training"]), run["cohort"]
        if run["sibling"]:
            own = [self.running.learnt({**run, "seed": seed}, splits) for seed in seeds]
            data = [self.data(each, method, run["data"], device) for each in own]
        else:
            data = [self.data(splits, method, run["data"], device)] * len(seeds)
        return train_together(fresh, method, data, budget, seeds, checkpoints, self.augment(budget))

    def predict(
        self, condition: Spec, models: Sequence[Classifier], examples: Any, seeds: Sequence[int]
    ) -> list[Outcomes] | None:
        """The outcomes of a cohort's models under a condition, which draws for all of them; None where the condition
        looks at one model at a time, and where one of them gives no numbers to look at.
        """
        chosen: Condition[Any, Any, Any] = self.running.part("conditions", condition)
        if not isinstance(chosen.outcomes, OfEach):
            return None
        purpose = f"condition/{condition['use']}/{','.join(map(str, seeds))}"
        try:
            return chosen.outcomes.each(models, examples, torch_generator(seeds[0], purpose))
        except ArithmeticError:
            return None

    def trains_together(self, method: Spec, model: Spec, training: Mapping[str, Any], about: About) -> bool:
        """Whether runs of this method and model can be trained at once; `about` is what the shape says of the data."""
        chosen: Method = self.running.part("methods", method)
        fresh = self.build(self.running.architecture(model, chosen), about)
        few = dict.fromkeys(("train", *chosen.splits), self.few(TRIED, about))
        return possible(fresh, chosen, self.data(few, chosen, about, "cpu"), self.budget(**training))
