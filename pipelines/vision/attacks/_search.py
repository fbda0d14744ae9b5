"""A faster stand-in for a model while an attack searches: batch norm folded into convolutions, those in bfloat16.

What it finds is checked by the model itself (`Worst`): it can cost an attack strength, but no verdict rests on it.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pipelines.vision.attacks._losses import margins
from pipelines.vision.attacks._watch import Model, part

FOLDED, HALVED = 1e-3, 0.1  # how far a logit may be off, as a share of the logits' standard deviation
UNTRACEABLE = (fx.proxy.TraceError, AttributeError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class Search:
    """A model to search with, and how far its margins are from the true ones on clean images, at most."""

    model: Model
    error: float

    def part(self, rows: Tensor) -> "Search":
        """The same for some of the images that the model is asked for."""
        return Search(part(self.model, rows), self.error)


def search_with(model: Model, images: Tensor, labels: Tensor) -> Search:
    """The fastest stand-in that agrees with the model on these images; the model itself where there is none, and where
    it is several."""
    folded = fold(model) if isinstance(model, nn.Module) else None
    if folded is None:
        return Search(model, 0.0)
    with torch.no_grad():
        true = model(images)
        for stand_in, tolerance in ((in_halves(folded), HALVED), (folded, FOLDED)):
            if stand_in is not None:
                logits = stand_in(images)
                if float((logits - true).abs().max()) <= tolerance * float(true.std()):
                    off = (margins(logits, labels) - margins(true, labels)).abs().max()
                    return Search(stand_in, float(off))
    return Search(model, 0.0)


def fold(model: nn.Module) -> fx.GraphModule | None:
    """A copy without the batch norms that follow a convolution; None where there are none or it can't be traced."""
    if not any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
        return None
    try:
        traced = fx.symbolic_trace(copy.deepcopy(model).requires_grad_(False))
    except UNTRACEABLE:
        return None
    modules = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        before = node.args[0] if node.args else None
        if not isinstance(before, fx.Node) or len(before.users) > 1:
            continue
        if is_a(node, nn.BatchNorm2d, modules) and is_a(before, nn.Conv2d, modules):
            norm, convolution = modules[str(node.target)], modules[str(before.target)]
            replace(traced, str(before.target), fuse_conv_bn_eval(convolution, norm))
            node.replace_all_uses_with(before)
            traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def in_halves(folded: fx.GraphModule) -> fx.GraphModule | None:
    """A copy with the convolutions in bfloat16, the normalisation before and the linear layers after them in float32;
    None where there are other layers with weights, which bfloat16 makes slower (attention) or hardly faster, or where
    the processor has no such arithmetic."""
    halved = copy.deepcopy(folded)
    weighted = [module for module in halved.modules() if list(module.parameters(recurse=False))]
    if not all(isinstance(module, (nn.Conv2d, nn.Linear)) for module in weighted) or not fast(halved):
        return None
    modules = dict(halved.named_modules())
    for node in list(halved.graph.nodes):
        for kind, precision in ((nn.Conv2d, torch.bfloat16), (nn.Linear, torch.float32)):
            if is_a(node, kind, modules):
                modules[node.target].to(precision)
                with halved.graph.inserting_before(node):
                    node.args = (halved.graph.call_method("to", (node.args[0], precision)), *node.args[1:])
    halved.recompile()
    return halved


def fast(model: nn.Module) -> bool:
    """Whether the model's device computes in bfloat16 by itself."""
    device = next(weights.device for weights in model.parameters())
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def is_a(node: fx.Node, kind: type[nn.Module], modules: dict[str, nn.Module]) -> bool:
    """Whether a node of a graph is the call of such a layer."""
    return node.op == "call_module" and isinstance(modules[str(node.target)], kind)


def replace(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put another module in the place of the one with this dotted name."""
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, module)
