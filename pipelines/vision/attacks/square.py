"""Square attack: random search over squares of changed pixels, by the logits alone (Andriushchenko et al. 2020,
arXiv 1912.00049)."""

import math

import torch
from torch import Tensor

from pipelines.vision.attacks._balls import Ball
from pipelines.vision.attacks._losses import margins
from pipelines.vision.attacks._squares import bumps, draw, one_square, stripes, two_windows
from pipelines.vision.attacks._watch import Model, Watch, drop_none, part

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of the square's area, in ten-thousandths of the queries
AREA = 0.8  # of the image, at first


def square(
    model: Model,
    images: Tensor,
    labels: Tensor,
    ball: Ball,
    *,
    queries: int,
    generator: torch.Generator,
    watch: Watch = drop_none,
) -> Tensor:
    """For each image the point of the least margin found, or where `watch` had it dropped; `queries`: points tried.
    Raises ValueError for pixels outside [0, 1]."""
    reach = ball.around(images)
    begin, change = (stripes, one_square) if ball.norm == "linf" else (bumps, two_windows)
    best = begin(reach, generator)
    rows = torch.arange(len(labels), device=images.device)
    found, least = best.clone(), torch.full((len(labels),), torch.inf, device=images.device)
    for query in range(queries):
        if query == 0:
            tried = best.clone()
        else:
            tried = change(best, reach, side(query, queries, images.shape[-1]), draw(generator, images.device))
        with torch.no_grad():
            logits = model(tried)
        margin = margins(logits, labels)
        better = margin < least
        best[better], least[better] = tried[better], margin[better]
        dropped = watch(rows, tried, logits)
        if dropped.any():
            found[rows[dropped]] = tried[dropped]
            kept = ~dropped
            rows, labels, best, least, reach = rows[kept], labels[kept], best[kept], least[kept], reach.keep(kept)
            model = part(model, kept)
        if not len(rows):
            break
    found[rows] = best
    return found


def side(query: int, queries: int, size: int) -> int:
    """The square's side in pixels at a query."""
    passed = sum(query / queries * 10_000 > place for place in HALVINGS)
    return max(1, round(math.sqrt(AREA / 2**passed) * size))
