"""What the report shows of single games: both policies, and how their play goes."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from pipelines.games.condition import logits_in
from pipelines.games.data import Examples
from pipelines.games.payoffs import FROM_THE_OTHER_SIDE, payoffs_of, swapped, visits, worst_reply
from pipelines.games.policy import Policy
from pipelines.outcomes import Outcomes
from pipelines.showing import Judged, Picture, Rows, Side
from pipelines.sketches import BAR, HIGH, drawing, path

__all__ = ["done", "given", "judge", "note"]

Spec = Mapping[str, Any]
LEAST = 0.1  # of a payoff: games that differ by less are not shown
SIGNS = {"payoff": 1, "welfare": 1, "security": 1, "nash_conv": -1}  # of the value that a condition is judged by
AGAINST = {  # the second player by condition
    "population": "the first of its opponents",
    "cross_play": "the first of its peers",
    "security": "the opponent that leaves it the least",
}
SIDE, APART = 13, 8  # of a square of four, and between drawings


def note(condition: Spec) -> str:
    """What is to be said of the games that are shown."""
    other = AGAINST.get(condition["use"], "its copy")
    return (
        "Bars: how often a policy cooperates in the first round, then after CC, CD, DC and DD, its own move first; the "
        f"model's on the left, on the right those of {other}. Squares: the share of rounds that end in CC (top left), "
        "CD (top right), DC and DD."
    )


def judge(condition: Spec, outcomes: Outcomes) -> Judged | None:
    """The value by which a condition is judged."""
    for name, sign in SIGNS.items():
        if name in outcomes.values:
            good = sign * outcomes.values[name].astype(float)
            return Judged(good, LEAST, worse="worse", better=f"better by {LEAST} or more of {name.replace('_', ' ')}")
    return None


def given(
    condition: Spec, examples: Examples, outcomes: Outcomes, rows: Rows, about: Mapping[str, Any]
) -> Sequence[Picture]:
    """The games: their kind, and what both players get."""
    split = examples.split
    pictures = []
    for row in rows:
        own, other = split.payoffs[row, 0], split.payoffs[row, 1, FROM_THE_OTHER_SIDE]
        table = zip(("CC", "CD", "DC", "DD"), own.tolist(), other.tolist(), strict=True)
        pays = ", ".join(f"{state} {one:.2f}/{two:.2f}" for state, one, two in table)
        pictures.append(Picture(f"{split.kind_names[split.kinds[row]].replace('_', ' ')}: {pays}"))
    return pictures


def done(condition: Spec, examples: Examples, side: Side, rows: Rows, about: Mapping[str, Any]) -> Sequence[Picture]:
    """A policy's play."""
    split = examples.split.take(rows)
    payoffs = torch.from_numpy(split.payoffs.copy()).double()
    policy: Policy = side.model()
    own = logits_in(policy, payoffs)
    one, other = own.sigmoid(), second(condition, policy, examples, rows, payoffs, own)
    share = visits(one, other, split.discount)
    got = payoffs_of(one, other, payoffs, split.discount)
    name = next(name for name in SIGNS if name in side.outcomes.values)
    values = side.outcomes.values[name][rows].tolist()
    pictures = []
    for place, value in enumerate(values):
        words = f"{name.replace('_', ' ')} {value:.2f}; payoffs {got[place, 0]:.2f} and {got[place, 1]:.2f}"
        own_bars, other_bars, squares = (each[place].tolist() for each in (one, other, share))
        pictures.append(Picture(words, drawing=_play(own_bars, other_bars, squares, words)))
    return pictures


def second(condition: Spec, policy: Policy, examples: Examples, rows: Rows, payoffs: Tensor, own: Tensor) -> Tensor:
    """How often the second player cooperates [n, 5]."""
    if condition["use"] == "security":
        return worst_reply(own, payoffs, examples.split.discount)
    if examples.opponents.size:
        return torch.from_numpy(examples.opponents[rows, 0].copy()).double().sigmoid()
    return logits_in(policy, swapped(payoffs)).sigmoid()


def _play(one: list[float], other: list[float], share: list[float], said: str) -> str:
    """The bars of both policies, and the four squares."""
    begins = 5 * BAR + APART
    places = [*(BAR * place + 3 for place in range(5)), *(begins + BAR * place + 3 for place in range(5))]
    body = "".join(f"M{x} {HIGH}v{-HIGH * each:.1f}" for x, each in zip(places, [*one, *other], strict=True))
    base = path(f"M0 {HIGH + 0.5}h{5 * BAR}m{APART} 0h{5 * BAR}", "soft")
    left = 2 * begins
    squares = frames = ""
    for place, each in enumerate(share):
        x, y = left + SIDE * (place % 2), 1 + SIDE * (place // 2)
        side = SIDE * sqrt(max(each, 0))
        squares += f"M{x + (SIDE - side) / 2:.1f} {y + (SIDE - side) / 2:.1f}h{side:.1f}v{side:.1f}h{-side:.1f}z"
        frames += f"M{x} {y}h{SIDE}v{SIDE}h-{SIDE}z"
    drawn = f'<g class="bars">{path(body)}</g>{base}<path class="wall" d="{squares}"/>{path(frames, "soft")}'
    return drawing(left + 2 * SIDE + 1, HIGH + 2, drawn, said)
