"""What takes several runs of a domain of classifiers at once, as far as it does not depend on what goes in."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipelines import parts
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
from pipelines.supervised.varied import Varied, alike

About = Mapping[str, Any]  # what the shape says of the data
TRIED = 4  # examples


def not_augmented(budget: Any) -> Augment:
    """No augmentation, whatever the budget."""
    return as_it_is


@dataclass(frozen=True)
class Together:
    """Classifiers of one architecture and method at several seeds and options, trained and looked at together.

    package  of the domain
    running  makes the domain's parts
    budget   of the options of the section `training`
    build    of an architecture and what the shape says of the data: makes fresh classifiers
    data     of splits, a method, what the shape says and a device: what a run may learn from
    few      so many examples of a split, whatever is in them, of what the shape says
    augment  of a budget
    """

    package: str
    running: Running
    budget: Callable[..., Budget]
    build: Callable[[Any, About], Build]
    data: Callable[[Mapping[str, Any], Method, About, str], TrainingData]
    few: Callable[[int, About], Any]
    augment: Callable[[Any], Augment] = not_augmented

    def train(
        self, run: Spec, splits: Mapping[str, Any], device: str, checkpoints: Collection[int] = ()
    ) -> list[Member]:
        """The trained models of a cohort, `{model, method, training, data, sibling, cohort}`, in the order of its
        seeds: each at its checkpoints and, last, at the end; or the error of one that diverged.
        """
        compute_reproducibly()
        seeds, options = run["cohort"]["seeds"], run["cohort"]["options"]
        varied = self._varied(run["method"], options, len(seeds))
        method, budget = varied.each[0], self.budget(**run["training"])
        fresh = self.build(self.running.architecture(run["model"], method), run["data"])
        if run["sibling"]:
            own = [self.running.learnt({**run, "seed": seed}, splits) for seed in seeds]
            data = [self.data(each, method, run["data"], device) for each in own]
        else:
            data = [self.data(splits, method, run["data"], device)] * len(seeds)
        return train_together(fresh, varied, data, budget, seeds, checkpoints, self.augment(budget))

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

    def trains_together(
        self, method: Spec, options: Mapping[str, Sequence[float]], model: Spec, training: Spec, about: About
    ) -> bool:
        """Whether runs of this method, with these options of each that differ, and this model can be trained at once;
        `about` is what the shape says of the data.
        """
        try:
            varied = self._varied(method, options, max(map(len, options.values()), default=2))
        except ValueError:
            return False
        chosen = varied.each[0]
        fresh = self.build(self.running.architecture(model, chosen), about)
        few = dict.fromkeys(("train", *chosen.splits), self.few(TRIED, about))
        return possible(fresh, varied, self.data(few, chosen, about, "cpu"), self.budget(**training))

    def _varied(self, method: Spec, options: Mapping[str, Sequence[float]], runs: int) -> Varied:
        """A method with the options of each run that differ; as numbers they are checked, as tensors they can't be."""
        if not options:
            return alike(self.running.part("methods", method), runs)
        own = [{name: values[run] for name, values in options.items()} for run in range(runs)]
        specs = [{**method, "options": {**method["options"], **each}} for each in own]
        make = parts.factory(f"{self.package}.methods", method["use"])
        return Varied(
            [self.running.part("methods", spec) for spec in specs], partial(make, **method["options"]), options
        )
