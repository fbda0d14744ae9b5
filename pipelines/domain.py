"""What the stages ask of a domain, a package beside this file with three modules: `domain`, asked before a run;
`running`, which makes the numbers and is in every key; and `arrays`, how its data are stored. Two more may be there:
`examples` says what the report shows of single examples, `cohorts` takes several runs at once.

A part (a data set, model, method or condition) is asked for by its specification, `{use, options}`: the file that makes
it, in the domain's folder of that kind, and its options, defaults included. What a domain's data sets, examples and
models are is its own affair: the stages hand them from one of its functions to another.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.outcomes import Outcomes
from pipelines.showing import Judged, Picture, Rows, Side

Spec = Mapping[str, Any]
Arrays = Mapping[str, NDArray[Any]]


class Shape(Protocol):
    """What is known of a data set before it is made."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that it will have; `train` is what every run is trained on."""

    @property
    def groups(self) -> bool:
        """Whether the training examples have groups."""

    @property
    def about(self) -> Mapping[str, Any]:
        """What models are built by, as JSON, such as the number of classes: part of every run's specification."""


class Data(Protocol):
    """A data set."""

    @property
    def splits(self) -> Mapping[str, Any]:
        """Its splits by name; each has a length."""


class Cost(Protocol):
    """What a model costs."""

    @property
    def parameters(self) -> int:
        """That can be trained."""

    @property
    def flops_an_example(self) -> float:
        """Of one training example through the model and back; of an agent, of one step."""


class Trained(Protocol):
    """A trained model: its weights and what it took."""

    @property
    def weights(self) -> Mapping[str, NDArray[np.generic]]:
        """Arrays by name."""

    @property
    def flops(self) -> float:
        """Of the training so far, as counted."""

    @property
    def steps(self) -> int:
        """Of training so far."""

    @property
    def loss(self) -> float:
        """Over the last part of the training."""


class Domain(Protocol):
    """The module `domain`: it is asked before a run and decides no number but those of the data and the examples."""

    def shape(self, data: Spec, /) -> Any:
        """The Shape of a data set. Raises DataError where it can't be one."""

    def files(self, data: Spec, /) -> list[Path]:
        """The files and folders that a data set is read from; none where it is drawn."""

    def dataset(self, data: Spec, /) -> Any:
        """The Data themselves. Raises DataError."""

    def overlaps(self, data: Any, /) -> list[str]:
        """A line for each two splits that share examples."""

    def describe(self, data: Any, /) -> dict[str, Any]:
        """What the report says of the data beside its splits, as JSON."""

    def examples(self, condition: Spec, data: Any, /) -> Any:
        """A condition's examples, the same for every model; they have a length."""

    def budget(self, *arguments: Any, **options: Any) -> Any:
        """How much training every run gets. Its keyword arguments are the options of the section `training`."""

    def training_steps(self, shape: Any, training: Mapping[str, Any], /) -> int:
        """The steps of a whole training with these options."""

    def training_examples(self, shape: Any, training: Mapping[str, Any], /) -> int:
        """The examples, or an agent's steps, that a whole standard training with these options takes."""

    def cost(self, model: Spec, shape: Any, /) -> Any:
        """The Cost of a model. Raises ValueError where it does not fit the data."""

    def training_cost(self, method: Spec, /) -> float:
        """A method's training as a multiple of standard."""

    def own_model(self, method: Spec, /) -> bool:
        """Whether a method trains another model than the one it is given."""

    def parameters(self, model: Spec, method: Spec, shape: Any, /) -> int:
        """Those that can be trained of a model as a method builds it. Raises ValueError where it can't."""

    def needs_groups(self, method: Spec, /) -> bool:
        """Whether a method needs the groups of the training examples."""

    def splits_needed(self, kind: str, part: Spec, /) -> tuple[str, ...]:
        """The splits that a part takes beside `train`; `kind` is `methods` or `conditions`. Of a condition, first where
        its labelled examples are from, then its outliers.
        """

    def sibling_cost(self, condition: Spec, /) -> float | None:
        """What the second model costs, as a multiple of the run's own training, that a condition has trained for it;
        None for a condition that looks at the run's own model.
        """

    def outcomes_have(self, condition: Spec, /) -> tuple[str, ...]:
        """What a condition's outcomes have for metrics: labels (with logits to hold against them), outliers, groups,
        features, or the name of one of their values.
        """


class Running(Protocol):
    """The module `running`, with a run's specification `{domain, method, model, training, data, sibling, seed}`:
    `data` is what the shape says `about` the data, `sibling` the condition whose second model it is, or None.
    """

    def device_for(self, cpus: float, gpus: float, /) -> str:
        """The device to compute on with these CPUs and this share of a GPU, the process set to use no more."""

    def device_name(self, device: str, /) -> str:
        """What it is, as a person would name it."""

    def train(
        self, run: Spec, splits: Mapping[str, Any], device: str, checkpoints: Collection[int], /
    ) -> Sequence[Trained]:
        """The trained model at its checkpoints (numbers of steps) and, last, at the end."""

    def restore(self, run: Spec, weights: Mapping[str, NDArray[np.generic]], device: str, /) -> Any:
        """The model with the weights of a finished run."""

    def predict(self, condition: Spec, model: Any, examples: Any, seed: int, /) -> Outcomes:
        """A model's outcomes under a condition."""


class Cohorts(Protocol):
    """The module `cohorts`, which a domain may have: runs of one method and model trained at once, and their models
    looked at together.
    """

    def train(
        self, run: Spec, splits: Mapping[str, Any], device: str, checkpoints: Collection[int], /
    ) -> Sequence[Sequence[Trained] | Exception]:
        """The trained models of the runs in the run's `cohort`, in their order, as Running.train gives each; or why one
        has none. A cohort has the `seeds` of its runs, and those of the method's `options` that differ, by name a
        number for each run.
        """

    def predict(
        self, condition: Spec, models: Sequence[Any], examples: Any, seeds: Sequence[int], /
    ) -> Sequence[Outcomes] | None:
        """The outcomes under a condition of some models that Running.restore gave, of runs of a cohort with these
        seeds; None where they are to be looked at one by one. Which of the two, they decide and the condition.
        """

    def trains_together(
        self, method: Spec, options: Mapping[str, Sequence[float]], model: Spec, training: Spec, about: Spec, /
    ) -> bool:
        """Whether runs of this method, with these options of each that differ, and this model can be trained at once
        with these options of the section `training`, on data of which the shape says this.
        """


class Stored(Protocol):
    """The module `arrays`."""

    def split_arrays(self, split: Any, /) -> Arrays:
        """A split's arrays by name."""

    def split_from(self, arrays: Arrays, /) -> Any:
        """The split of these arrays."""

    def examples_arrays(self, examples: Any, /) -> Arrays:
        """Examples' arrays by name."""

    def examples_from(self, arrays: Arrays, /) -> Any:
        """The examples of these arrays."""


class Showing(Protocol):
    """The module `examples`, which a domain may have: what the report shows of single examples. It decides no number
    and is in no key. `about` is what `describe` says of the data; a row is one of the outcomes.
    """

    def note(self, condition: Spec, /) -> str:
        """What is to be said of what is shown of a condition, such as that it is not all that a model saw."""

    def judge(self, condition: Spec, outcomes: Outcomes, /) -> Judged | None:
        """How well a model did on each example; None where that is not known of an example alone."""

    def given(
        self, condition: Spec, examples: Any, outcomes: Outcomes, rows: Rows, about: Mapping[str, Any], /
    ) -> Sequence[Picture]:
        """What the models were given in these rows, the same for every model."""

    def done(
        self, condition: Spec, examples: Any, side: Side, rows: Rows, about: Mapping[str, Any], /
    ) -> Sequence[Picture]:
        """What one model made of it."""
