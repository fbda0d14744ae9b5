"""CROWN: linear bounds on the outputs, followed backward through the layers (Zhang et al. 2018, arXiv 1811.00866).

A ReLU whose input can have either sign is bounded from above by its chord and from below by 0 or the identity,
whichever leaves the smaller area. All bounds are the tighter of CROWN's and the interval ones. Rounding is accounted
for as in `interval`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.grad import conv2d_input

from pipelines.vision.bounds.interval import ROUNDING, Affine, Bounds, bias_of, by_magnitude, margins_after, through

ROWS = 128  # linear functions bounded at a time
SMALLEST = 1e-30  # keeps 0 / 0 out of the chord of a ReLU whose input is 0


@dataclass(frozen=True)
class Passed:
    """A layer and the bounds of its input, each [n, ...]."""

    layer: nn.Module
    lower: Tensor
    upper: Tensor


def margins(chain: list[nn.Module], box: Bounds, labels: Tensor) -> Tensor:
    """Lower bounds [n, classes] of the label's logit minus each class's, over the box; about 0 for the label itself."""
    passed: list[Passed] = []
    bounds = box
    for layer in chain[:-1]:
        if isinstance(layer, nn.ReLU):
            bounds = tightened(passed, bounds)
        passed.append(Passed(layer, *bounds))
        bounds = through(layer, bounds)
    by_intervals = margins_after(chain[-1], bounds, labels)
    passed.append(Passed(chain[-1], *bounds))
    each = torch.eye(by_intervals.shape[1], device=labels.device)
    return torch.maximum(by_intervals, least(passed, each[labels][:, None] - each))


def tightened(passed: list[Passed], bounds: Bounds) -> Bounds:
    """The bounds of the layers' output, with CROWN's where they are tighter and the sign is not known already. Interval
    bounds are exact as long as no ReLU is passed."""
    lower, upper = (bound.flatten(1) for bound in bounds)
    either = (lower < 0) & (upper > 0)
    if any(isinstance(each.layer, nn.ReLU) for each in passed):
        low, high = lower.clone(), upper.clone()
        for rows in either.any(0).nonzero()[:, 0].split(ROWS):
            units = one_hot(rows, lower.shape[1]).to(lower.dtype).expand(len(lower), -1, -1)
            units = units.unflatten(2, bounds[0].shape[1:])
            low[:, rows] = torch.maximum(low[:, rows], least(passed, units))
            high[:, rows] = torch.minimum(high[:, rows], -least(passed, -units))
        lower, upper = torch.where(either, low, lower), torch.where(either, high, upper)
    return lower.view_as(bounds[0]), upper.view_as(bounds[1])


def least(passed: list[Passed], functions: Tensor) -> Tensor:
    """Lower bounds [n, k] of linear functions [n, k, ...] of the layers' output, over the box of the first's input."""
    constant = functions.new_zeros(functions.shape[:2])
    for each in reversed(passed):
        functions, added = before(each, functions)
        constant = constant + added
    centre, radius = (passed[0].upper + passed[0].lower) / 2, (passed[0].upper - passed[0].lower) / 2
    return constant + total(functions, centre) - total(functions.abs(), radius)


def before(passed: Passed, functions: Tensor) -> tuple[Tensor, Tensor]:
    """Linear functions [n, k, ...] of a layer's input that, with the constants [n, k], are nowhere above the given
    functions of its output."""
    layer, lower, upper = passed.layer, passed.lower, passed.upper
    if isinstance(layer, nn.ReLU):
        chord = upper.clamp(min=0) / (upper.clamp(min=0) - lower.clamp(max=0)).clamp(min=SMALLEST)
        slope = (upper > -lower).to(chord.dtype)
        up, down = functions.clamp(min=0), functions.clamp(max=0)
        return up * slope[:, None] + down * chord[:, None], total(down, -chord * lower.clamp(max=0))
    if isinstance(layer, Affine):
        shift = bias_of(layer).view(-1, *[1] * (functions.dim() - 3)).expand(functions.shape[2:])
        rounding = ROUNDING * by_magnitude(layer, torch.maximum(-lower, upper))
        return transposed(layer, functions, lower), total(functions, shift) - total(functions.abs(), rounding)
    return functions.unflatten(2, lower.shape[1:]), functions.new_zeros(functions.shape[:2])


def transposed(layer: Affine, functions: Tensor, inputs: Tensor) -> Tensor:
    """The functions [n, k, ...] of a linear layer's output, without its bias, as functions of its input."""
    if isinstance(layer, nn.Linear):
        return functions @ layer.weight
    flat, weight = functions.flatten(0, 1), layer.weight
    shape = (len(flat), *inputs.shape[1:])
    moved: Tensor = conv2d_input(shape, weight, flat, layer.stride, layer.padding, layer.dilation, layer.groups)
    return moved.view(*functions.shape[:2], *inputs.shape[1:])


def total(functions: Tensor, values: Tensor) -> Tensor:
    """The functions [n, k, ...] of the values, [n, ...] or [...]: [n, k]."""
    each = values.expand(len(functions), *functions.shape[2:])
    return (functions.flatten(2) @ each.flatten(1)[..., None])[..., 0]
