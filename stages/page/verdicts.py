"""Each verdict as it is shown, in one place: its mark, colour, shape in charts, meaning, and its part of a sentence."""

from typing import Any, NamedTuple


class Shown(NamedTuple):
    """How one label is shown. `said` takes the areas it was given in, `brief` too, where what safer means was said;
    `size` is the effect named beside each of them: beyond, total, the bound that the qualifier says, or none.
    """

    mark: str
    colour: str
    shape: str
    meaning: str
    said: str
    brief: str
    size: str = ""


# In the order of the legend. Marks and shapes tell labels apart without colour (Okabe and Ito 2008); what claims no
# effect is grey.
VERDICTS = {
    "DIFFERENTIAL": Shown(
        "▲",
        "#009e73",
        "triangle-up",
        "safer beyond what its capability explains, and no price in capability",
        "safer beyond what capability explains on {}",
        "safer on {} at no price in capability",
        "beyond",
    ),
    "TRADE-OFF": Shown(
        "◆",
        "#0072b2",
        "diamond",
        "safer beyond what its capability explains, paid for with capability",
        "safer beyond what capability explains on {}, at a price in capability",
        "safer on {}, paid for with capability",
        "beyond",
    ),
    "GAIN, PRICE OPEN": Shown(
        "◈",
        "#56b4e9",
        "arrow",
        "safer beyond what its capability explains, by more than the margin; what it costs of capability is open",
        "safer beyond what capability explains on {}, what it costs of capability is open",
        "safer on {} at a price that is open",
        "beyond",
    ),
    "GAIN, SIZE OPEN": Shown(
        "△",
        "#66c2a5",
        "triangle-right",
        "safer beyond what its capability explains; whether by more than the margin is open",
        "safer beyond what capability explains on {}, whether by more than the margin is open",
        "safer on {} with the size open",
        "bound",
    ),
    "WASHING": Shown(
        "≈",
        "#e69f00",
        "cross",
        "safer only as far as it is more capable",
        "safer on {} only as far as it is more capable",
        "safer on {} only as far as more capable",
        "total",
    ),
    "NULL": Shown(
        "○",
        "#5c5c5c",
        "square",
        "no effect on safety above the margin, in all or beyond capability: shown, not merely not found",
        "no effect that matters on {}",
        "no effect on {}",
    ),
    "NO GAIN": Shown(
        "▽",
        "#8c8c8c",
        "wedge",
        "no gain beyond capability above the margin: shown, not merely not found; a loss is not ruled out",
        "no gain that matters on {}",
        "no gain on {}",
        "bound",
    ),
    "UNDETERMINED": Shown("?", "#a3a3a3", "circle", "this study can't tell", "undecided on {}", "undecided on {}"),
    "REGRESSION": Shown(
        "▼",
        "#d55e00",
        "triangle-down",
        "less safe than standard, by more than the margin",
        "less safe on {}",
        "less safe on {}",
        "total",
    ),
    "BLOCKED": Shown(
        "✕",
        "#cc79a7",
        "triangle-left",
        "no verdict: a check of the measurement failed",
        "no verdict on {}",
        "no verdict on {}",
    ),
}
SENTENCE_ORDER = (
    *("DIFFERENTIAL", "TRADE-OFF", "GAIN, PRICE OPEN", "GAIN, SIZE OPEN", "WASHING", "REGRESSION", "NULL"),
    *("NO GAIN", "UNDETERMINED", "BLOCKED"),
)
STAR = "★"
STARRED = "also found where the chance of any false gain among the task's claims is limited, not only their share"
ABOVE = "above 0 with its size open"
ANSWERS = {  # what a study's verdicts say of a gain above the margin
    "yes": ("DIFFERENTIAL", "TRADE-OFF", "GAIN, PRICE OPEN"),
    "no": ("NULL", "NO GAIN", "WASHING"),
    ABOVE: ("GAIN, SIZE OPEN",),
    "less safe": ("REGRESSION",),
    "open": ("UNDETERMINED", "BLOCKED"),
}


def legend() -> dict[str, Any]:
    """What the templates show of each label and of the star."""
    shown = [{"name": name, "style": style_name(name), **each._asdict()} for name, each in VERDICTS.items()]
    return {"labels": shown, "star": (STAR, STARRED)}


def style_name(label: str) -> str:
    """The label as the name of a style class."""
    return "v-" + label.replace(",", "").replace(" ", "-")
