"""Runs of one classifier and one method at several seeds and options, trained at once: their weights are stacked, and
every step is one step of all of them. On a GPU small models leave most of the card idle; together they fill it.

A run starts from the weights that it would start from alone and sees the same data in the same order. What its method
draws is drawn for all of them together, so it differs from what a run draws alone, and sums differ in their last bits:
a run's numbers belong to its cohort, and the seeds and options of the cohort are in its key.
"""

import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from pipelines.flops import FlopCount
from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.draws import seed_for, torch_generator
from pipelines.supervised.method import Labelled, Method, TrainingData, plain_update, same_model
from pipelines.supervised.several import Stacked
from pipelines.supervised.training import (
    Augment,
    Budget,
    Diverged,
    Trained,
    Weights,
    as_it_is,
    optimiser_of,
    steps_of,
    train,
    weights_of,
)
from pipelines.supervised.varied import Loss, Varied

EXAMPLES = ("inputs", "labels", "groups")
Member = list[Trained] | Exception  # a run of a cohort: as `train` returns it, or the error that it raises
State = Mapping[str, Tensor]  # weights, what is kept beside them, or options, of all runs: [runs, ...] by name
Arrays = tuple[Tensor, Tensor, Tensor]  # inputs, labels and groups


def possible(build: Build, varied: Varied, data: TrainingData, budget: Budget) -> bool:
    """Whether runs with this method can be trained and looked at together, tried on one of each: not where a loss
    depends on the values of its draws or its groups, takes gradients other than through `Step.gradient`, keeps
    something from step to step, or learns from what it makes for each run beside the examples, and not where a model
    looks at the values of its inputs. Nor with bfloat16: operations of several runs are taken apart before autocast
    sees them.
    """
    if varied.each[0].update is not plain_update or budget.precision != "float32":
        return False
    try:
        with torch.random.fork_rng(devices=[]):
            _try(build, varied, data, budget)
    except Exception:  # whatever it is: alone, the run says it
        return False
    return True


def _try(build: Build, varied: Varied, data: TrainingData, budget: Budget) -> None:
    """Do what is done with a cohort, once. Raises an error where that can't be."""
    method, runs = varied.each[0], len(varied.each)
    prepared = vars(method.prepare(data, torch.Generator()))
    if made := [name for name, held in vars(data).items() if name not in EXAMPLES and prepared[name] is not held]:
        raise ValueError(f"what a method makes for each run is of one run: {', '.join(made)}")
    models = [method.build(build, seed) for seed in range(runs)]
    cohort = Cohort(models, varied, budget, [replace(data) for _ in range(runs)])
    rows = torch.arange(cohort.batch).expand(runs, -1)
    batch = cohort.batch_of(rows, [torch.Generator()] * runs, as_it_is)
    for progress in (*method.phases, 1.0):
        cohort.step_losses(batch, progress).sum().backward()
    cohort.weights()
    Stacked([cohort.model(number) for number in range(runs)]).each_of(batch.inputs, torch.arange(runs))


def train_together(
    build: Build,
    varied: Varied,
    data: Sequence[TrainingData],
    budget: Budget,
    seeds: Sequence[int],
    checkpoints: Collection[int] = (),
    augment: Augment = as_it_is,
) -> list[Member]:
    """Train the runs of these seeds from scratch, each on its data, as `pipelines.supervised.training.train` does one.
    One that diverges, or that the method can't finish, leaves the others as they are. Where a method leaves some runs
    more of their examples than others, each is trained alone. Raises RuntimeError where the method's loss is not one
    that fits.
    """
    if budget.precision != "float32":
        raise ValueError(f"runs are trained at once in float32, not in {budget.precision}")
    device = data[0].inputs.device
    method = varied.each[0]
    members = [method.build(build, seed_for(seed, "weights")).to(device) for seed in seeds]
    generators = [torch_generator(seed, "method") for seed in seeds]
    every = [method.prepare(each, generator) for each, generator in zip(data, generators, strict=True)]
    if len(set(map(len, every))) > 1:
        runs = zip(varied.each, data, seeds, strict=True)
        return [_alone(build, own, each, budget, seed, checkpoints, augment) for own, each, seed in runs]
    cohort = Cohort(members, varied, budget, every)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed_for(seeds[0], f"cohort/{','.join(map(str, seeds))}"))
        cohort.fit([torch_generator(seed, "order") for seed in seeds], checkpoints, augment)
        found = []
        for number, (seed, generator) in enumerate(zip(seeds, generators, strict=True)):
            torch.manual_seed(seed_for(seed, "finish"))  # whatever became of the others
            found.append(cohort.member(number, every[number], generator))
        return found


def _alone(
    build: Build,
    method: Method,
    data: TrainingData,
    budget: Budget,
    seed: int,
    checkpoints: Collection[int],
    augment: Augment,
) -> Member:
    try:
        return train(build, method, data, budget, seed, checkpoints, augment)
    except Exception as error:
        if of_the_machine(error):
            raise
        return error


class Cohort:
    """Classifiers that are alike, and their training; `every` is what each may learn from."""

    def __init__(self, members: list[Classifier], varied: Varied, budget: Budget, every: Sequence[TrainingData]):
        self.varied, self.budget = varied, budget
        self.options = {name: values.to(every[0].inputs.device) for name, values in varied.options.items()}
        self.own = any(each is not every[0] for each in every)
        self.data = _side_by_side(every) if self.own else every[0]
        params, self.buffers = torch.func.stack_module_state(list(members))
        self.params = {name: nn.Parameter(value.detach(), value.requires_grad) for name, value in params.items()}
        self.stored = tuple(members[0].backbone.state_dict())
        self.loss = Loss(deepcopy(members[0]).train(), varied)
        self.size, self.examples = len(members), len(every[0])
        self.batch = min(budget.batch_size, self.examples)
        self.steps = steps_of(self.examples, budget)
        self.steps_an_epoch = self.steps // budget.epochs
        self.phases = {math.ceil(share * self.steps) for share in varied.each[0].phases}
        self.flops: list[float] = []  # of one run, up to the end of every step
        self.losses: list[Tensor] = []  # [runs], of every step
        self.kept: dict[int, list[Weights]] = {}

    def fit(self, orders: Sequence[torch.Generator], checkpoints: Collection[int], augment: Augment) -> None:
        """Train; `orders` are what each run draws from for its order and its augmentation."""
        weights = cast(Classifier, nn.ParameterList(self.params.values()))
        optimiser, schedule = optimiser_of(weights, self.varied.each[0], self.budget, self.steps)
        flops_a_step = 0.0
        for _ in range(self.budget.epochs):
            rows = torch.stack([torch.randperm(self.examples, generator=order) for order in orders])
            rows = rows[:, : self.steps_an_epoch * self.batch].to(self.data.inputs.device)
            for chosen in rows.view(self.size, self.steps_an_epoch, self.batch).unbind(1):
                batch = self.batch_of(chosen, orders, augment)
                progress = len(self.losses) / self.steps
                if len(self.losses) in self.phases:
                    flops_a_step = self._flops_of_one(batch, progress)
                self.flops.append(flops_a_step + (self.flops[-1] if self.flops else 0.0))
                values = self.step_losses(batch, progress)
                optimiser.zero_grad()
                values.sum().backward()  # each run's weights are in its own loss alone
                optimiser.step()
                schedule.step()
                self.losses.append(values.detach().float())
                if len(self.losses) in checkpoints:
                    self.kept[len(self.losses)] = self.weights()
            if not torch.isfinite(self.losses[-1]).any():
                break
        self.kept[len(self.losses)] = self.weights()

    def step_losses(self, batch: Labelled, progress: float) -> Tensor:
        """[runs], of a batch for each run, [runs, b, ...]."""

        def of_one(params: State, buffers: State, options: State, chosen: Arrays, learnt: Arrays) -> Tensor:
            state = {f"classifier.{name}": value for name, value in {**params, **buffers}.items()}
            arguments = (Labelled(*chosen), _of(self.data, learnt), progress, options)
            value: Tensor = torch.func.functional_call(self.loss, state, arguments)
            return value

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "There is a performance drop")  # few operations are done run by run
            at_once = torch.func.vmap(of_one, (0, 0, 0, 0, 0 if self.own else None), randomness="different")
            values: Tensor = at_once(self.params, self.buffers, self.options, _arrays(batch), _arrays(self.data))
        if self.loss.classifier.memory:
            raise RuntimeError("a method that keeps something from step to step is trained one run at a time")
        return values

    def member(self, number: int, data: TrainingData, generator: torch.Generator) -> Member:
        """What became of a run; it is finished as one that is trained alone is."""
        losses = torch.stack(self.losses)[:, number].cpu()
        for end in range(self.steps_an_epoch, len(losses) + 1, self.steps_an_epoch):
            if not math.isfinite(losses[end - 1]):
                return Diverged(f"the loss is {float(losses[end - 1])} at step {end} of {self.steps}")
        kept = {step: (weights[number], self.flops[step - 1]) for step, weights in self.kept.items()}
        if self.varied.each[number].finish is not same_model:
            try:
                kept[self.steps] = self._finished(number, data, generator)
            except Exception as error:
                if of_the_machine(error):
                    raise
                return error
        return [
            Trained(weights, flops, step, float(losses[max(0, step - self.steps_an_epoch) : step].mean()))
            for step, (weights, flops) in kept.items()
        ]

    def _finished(self, number: int, data: TrainingData, generator: torch.Generator) -> tuple[Weights, float]:
        """The weights of a run once its method has finished it, and all FLOPs until then."""
        with FlopCount() as count:
            model = self.varied.each[number].finish(self.model(number), data, generator)
        return weights_of(model), self.flops[-1] + count.total

    def model(self, number: int) -> Classifier:
        """The classifier of a run as it is now, ready to be evaluated."""
        model = deepcopy(self.loss.classifier)
        model.load_state_dict({name: value[number] for name, value in {**self.params, **self.buffers}.items()})
        return model.eval()

    def batch_of(self, rows: Tensor, orders: Sequence[torch.Generator], augment: Augment) -> Labelled:
        """[runs, b, ...]: the examples in these rows [runs, b], each run's augmented by draws of its own."""
        place = (torch.arange(self.size, device=rows.device)[:, None], rows) if self.own else (rows,)
        inputs, labels, groups = (array[place] for array in _arrays(self.data))
        inputs = self.data.batch(inputs.flatten(0, 1)).unflatten(0, rows.shape)
        if augment is not as_it_is:
            inputs = torch.stack([augment(each, order) for each, order in zip(inputs, orders, strict=True)])
        return Labelled(inputs, labels, groups)

    def _flops_of_one(self, batch: Labelled, progress: float) -> float:
        """Of a step of one run: all runs have the same, and all steps of a phase."""
        alone = Loss(deepcopy(self.loss.classifier), self.varied)
        options = {name: values[0] for name, values in self.options.items()}
        with torch.random.fork_rng(devices=[batch.inputs.device] if batch.inputs.is_cuda else []), FlopCount() as count:
            data = _of(self.data, _first(self.data)) if self.own else self.data
            alone(Labelled(*_first(batch)), data, progress, options).backward()
        return float(count.total)

    def weights(self) -> list[Weights]:
        """Of every run, arrays of their own by name."""
        state = {name.removeprefix("backbone."): value for name, value in {**self.params, **self.buffers}.items()}
        arrays = {name: state[name].detach().cpu().numpy() for name in self.stored}
        return [{name: np.array(array[number]) for name, array in arrays.items()} for number in range(self.size)]


def of_the_machine(error: Exception) -> bool:
    """Whether an error says that the machine gave out, and not that what was asked of it can't be done."""
    told = ("can't allocate memory", "ALLOC_FAILED")  # torch's for the processor, cuBLAS's and cuDNN's for a card
    kinds = (MemoryError, OSError, torch.OutOfMemoryError, torch.AcceleratorError)
    return isinstance(error, kinds) or (isinstance(error, RuntimeError) and any(part in str(error) for part in told))


def _arrays(examples: Labelled) -> Arrays:
    return examples.inputs, examples.labels, examples.groups


def _first(of_all: Labelled) -> Arrays:
    inputs, labels, groups = (array[0] for array in _arrays(of_all))
    return inputs, labels, groups


def _of(data: TrainingData, arrays: Arrays) -> TrainingData:
    """The data with other examples."""
    inputs, labels, groups = arrays
    return replace(data, inputs=inputs, labels=labels, groups=groups)


def _side_by_side(every: Sequence[TrainingData]) -> TrainingData:
    """The examples of all runs, [runs, n, ...]."""
    inputs, labels, groups = (torch.stack(arrays) for arrays in zip(*map(_arrays, every), strict=True))
    return _of(every[0], (inputs, labels, groups))
