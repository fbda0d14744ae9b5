"""The runs that are trained at once, by their specifications. Each has its `cohort`: the `seeds` of these runs, and
those of the method's `options` that differ, by name a number for each run.
"""

import json
from collections.abc import Mapping
from typing import Any


def shared_spec(spec: Mapping[str, Any]) -> str:
    """What the specifications of all runs of a cohort have in common, and those of no other run."""
    method = spec["method"]
    options = {name: value for name, value in method["options"].items() if name not in spec["cohort"]["options"]}
    return json.dumps({**spec, "seed": None, "method": {**method, "options": options}}, sort_keys=True)


def place_of(spec: Mapping[str, Any]) -> int:
    """The place of a run in its cohort."""
    return places_of(spec["cohort"]).index(place_name(spec["seed"], spec["method"]["options"], spec["cohort"]))


def places_of(cohort: Mapping[str, Any]) -> list[str]:
    """The runs of a cohort, in words: each its seed, and the options that differ."""
    options = cohort["options"]
    return [
        place_name(seed, {name: values[place] for name, values in options.items()}, cohort)
        for place, seed in enumerate(cohort["seeds"])
    ]


def place_name(seed: int, options: Mapping[str, Any], cohort: Mapping[str, Any]) -> str:
    """One of them."""
    return " ".join([str(seed), *(f"{name}={options[name]!r}" for name in cohort["options"])])
