"""Grokking (Power et al. 2022, arXiv:2201.02177), trained here: accuracy on unseen sums rises late and steeply over
steps. The loss of the same outputs falls over an octave of steps: a steep rise, not a jump.

A multilayer perceptron on half of the table of sums modulo 47, with weight decay.
"""

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from analysis.jumps.table import jumps
from analysis.schema import checked
from analysis.tables import RESULTS
from tests.analysis.jumps._rows import row

MODULUS, STEPS, POSITIONS = 47, 2000, 18
NLL, ACCURACY = "clean/negative_log_likelihood", "clean/accuracy"


def learnt(seed: int) -> list[tuple[int, float, float]]:
    """Step, accuracy and loss on the sums that were not trained on."""
    torch.manual_seed(seed)
    pairs = torch.cartesian_prod(torch.arange(MODULUS), torch.arange(MODULUS))
    sums = pairs.sum(1) % MODULUS
    known, unseen = torch.randperm(len(sums)).chunk(2)
    embedding, network = (
        nn.Embedding(MODULUS, 64),
        nn.Sequential(nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, MODULUS)),
    )

    def logits(rows: Tensor) -> Tensor:
        found: Tensor = network(embedding(pairs[rows]).flatten(1))
        return found

    parameters = [*embedding.parameters(), *network.parameters()]
    optimiser = torch.optim.AdamW(parameters, 3e-3, betas=(0.9, 0.98), weight_decay=1.0)
    at = {round(step) for step in np.geomspace(16, STEPS, POSITIONS)}
    found = []
    for step in range(1, STEPS + 1):
        loss = cross_entropy(logits(known), sums[known])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step in at:
            with torch.no_grad():
                said = logits(unseen)
            right = (said.argmax(1) == sums[unseen]).double().mean()
            found.append((step, float(right), float(cross_entropy(said, sums[unseen]))))
    return found


@pytest.mark.slow
def test_grokking_is_steep_and_no_jump() -> None:
    torch.set_num_threads(1)
    rows = []
    for seed in range(5):
        for step, accuracy, loss in learnt(seed):
            rows += [row(ACCURACY, accuracy, seed=seed, step=step), row(NLL, loss, seed=seed, step=step)]
    accuracies = pl.DataFrame(rows, schema=RESULTS.columns).filter(measurement=ACCURACY)
    assert accuracies.filter(step=16)["value"].max() < 0.1  # type: ignore[operator]
    assert accuracies.filter(step=STEPS)["value"].median() > 0.9  # type: ignore[operator]
    table = checked(pl.DataFrame(rows, schema=RESULTS.columns), RESULTS)
    found, _ = jumps(table, axis="step", rng=np.random.default_rng(1), draws=199)
    labels = dict(found.select("measurement", "label").iter_rows())
    assert labels == {ACCURACY: "METRIC ARTEFACT", NLL: "ACCELERATION"}
