"""Known attacks that are moved to be taken for benign, by projected gradient descent on the features that an attacker
can change (Biggio et al. 2013, arXiv 1708.06131), beside benign test rows as they are."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, Positive, Whole
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import device_of
from pipelines.tabular.attack import attacked
from pipelines.tabular.condition import Condition, logits_of, outcomes_of, some_of
from pipelines.tabular.data import Dataset, Examples
from pipelines.tabular.training import tensor


def condition(
    *,
    epsilon: Positive = 0.3,
    steps: Count = 10,
    step_size: Positive = 0.25,
    changeable: Count = 12,
    attacks: Count = 500,
    benign: Whole = 0,
) -> Condition:
    """epsilon: largest change of a feature, in its own units. steps: of the attack, from the row as it is. step_size:
    of each step, as a share of epsilon. changeable: so many features, from the first on, can be changed. attacks: how
    many are moved. benign: the class of the rows that are no attack."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test = dataset.splits["test"]
        calm, hostile = np.flatnonzero(test.labels == benign), np.flatnonzero(test.labels != benign)
        rows = np.concatenate([calm, hostile[some_of(len(hostile), attacks, generator)]])
        return Examples(test.take(rows), rows)

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        def taken_for_benign(rows: Tensor) -> Tensor:
            return log_softmax(model(rows), dim=1)[:, benign].sum()

        split, hostile = examples.split, examples.split.labels != benign
        rows = tensor(split.rows[hostile]).to(device_of(model))
        moved = attacked(
            taken_for_benign, rows, torch.zeros_like(rows), epsilon, step_size * epsilon, steps, changeable
        )
        shown = split.rows.copy()
        shown[hostile] = moved.cpu().numpy()
        return outcomes_of(examples, logits_of(model, shown))

    return Condition(examples, outcomes)
