"""What the report shows of single images."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.outcomes import Outcomes
from pipelines.showing import FLAGGED, Judged, Picture, Rows, Side, answers, class_name, judged, places
from pipelines.vision.data import Examples

__all__ = ["done", "given", "judge", "note"]

Spec = Mapping[str, Any]
ATTACKED = ("attack_ensemble", "certificate", "pgd", "robustness_curve", "unforeseen")
AS_STORED = (
    *("attributions", "clean", "corruptions", "cue_conflict", "cue_swap", "difficulty", "few_examples"),
    *("held_out_fonts", "linear_probe", "long_tail", "members", "outliers", "perturbations", "reference"),
    *("reversed_cue", "spurious", "transfer_attack", "trojan", "uncertainty"),
)


def note(condition: Spec) -> str:
    """What is to be said of the images that are shown."""
    said = "Below each image its class, then each model's answer with its probability."
    if condition["use"] in ("outliers", "uncertainty"):
        said += f" {FLAGGED}"
    if condition["use"] in ATTACKED:
        return (
            f"{said} Each model was attacked by itself, and the images that the attack made are not stored: shown is "
            "the image before the attack, with the answers after it."
        )
    if condition["use"] == "smoothing":
        return f"{said} An answer is the majority over noisy copies of the image, which are not stored."
    return said if condition["use"] in AS_STORED else f"{said} Shown are the images before a model sees them."


def judge(condition: Spec, outcomes: Outcomes) -> Judged | None:
    """Whether each image was answered right, each outlier flagged."""
    return judged(outcomes)


def given(
    condition: Spec, examples: Examples, outcomes: Outcomes, rows: Rows, about: Mapping[str, Any]
) -> Sequence[Picture]:
    """The images, each with its class and its part, such as a corruption."""
    split = examples.split
    found = places(outcomes, examples.rows, split.labels, split.groups)
    names, classes = about["classes"], outcomes.logits.shape[1]
    pictures = []
    for row in rows:
        part = outcomes.parts[row]
        said = [class_name(int(outcomes.labels[row]), classes, names)]
        said += [outcomes.part_names[part]] if part >= 0 and outcomes.part_names else []
        pictures.append(Picture(", ".join(said), None if found is None else split.images[found[row]]))
    return pictures


def done(condition: Spec, examples: Examples, side: Side, rows: Rows, about: Mapping[str, Any]) -> Sequence[Picture]:
    """A model's answers."""
    return [Picture(said) for said in answers(side.outcomes, rows, about["classes"])]
