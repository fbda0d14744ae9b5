"""Shifted images, with what the members of a model that averages several say of each: how far they agree."""

from dataclasses import replace
from typing import Literal

from pipelines.parts import Count
from pipelines.supervised.several import OfEach
from pipelines.vision.condition import Condition
from pipelines.vision.conditions import clean, corruptions, held_out_fonts
from pipelines.vision.conditions._members import MEMBERS, with_members


def condition(
    *, shift: Literal["none", "corruptions", "held_out_fonts"] = "corruptions", images: Count = 50
) -> Condition:
    """shift: the condition that the images are from; none is the test images. images: for each corruption at a
    severity. A model that averages none is one member."""
    shifts = {
        "none": clean.condition(split="test"),
        "corruptions": corruptions.condition(images=images),
        "held_out_fonts": held_out_fonts.condition(),
    }
    chosen = shifts[shift]
    return replace(chosen, outcomes=OfEach(with_members), has=(*chosen.has, *MEMBERS))
