"""The digest of the section `audit`: every choice is in it, the way it is written is not."""

import dataclasses
import inspect
import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from analysis.audit.preregistration import preregistration, preregistration_digest
from analysis.audit.settings import AuditSettings, Margins
from stages.study.preregistration import Preregistered, audit_options, preregistered, task_options

CHOSEN = """
areas: {attacks: pgd/accuracy, outliers: near/auroc}
margins: {capability: 0.3, pgd/accuracy: 0.20, near/auroc: 1}
placebos: [placebo, sugar]
q: 0.10
draws: 500
equal_flops: true
looks: [0.5, 0.50]
exposure: {spurious: 0.2, near: 1}
claims: {shield: [attacks, outliers], sword: []}
weigh_claims: false
"""
# The same, each entry in another order or another form.
SAME = """
weigh_claims: false
claims: {sword: [], shield: [outliers, attacks]}
exposure: {near: 1.0, spurious: 0.20}
equal_flops: true
looks: [0.50, 0.5]
draws: 500
q: 0.1
placebos: [sugar, placebo]
margins: {near/auroc: 1.0, pgd/accuracy: 0.2, capability: 0.30}
areas: {outliers: near/auroc, attacks: pgd/accuracy}
"""
CHANGED: dict[str, list[Any]] = {  # by option of the section: other values of it, each of another audit
    "areas": [{}, {"attacks": "pgd/accuracy"}, {"assaults": "pgd/accuracy", "outliers": "near/auroc"}],
    "margins": [{}, {"pgd/accuracy": 0.2}, {"capability": 0.3, "pgd/accuracy": 0.21, "near/auroc": 1}],
    "placebos": [[], ["placebo"]],
    "q": [0.05],
    "draws": [501],
    "equal_flops": [False],
    "looks": [[1], [0.4, 0.6], [0.6, 0.4]],
    "exposure": [{}, {"spurious": 0.2, "near": 0.9}],
    "claims": [{}, {"shield": ["attacks"], "sword": []}, {"shield": ["attacks", "outliers"], "sword": ["attacks"]}],
    "weigh_claims": [True],
}
OTHER: dict[str, Any] = {  # by setting of the analysis
    "baseline": "plain",
    "alpha": 0.1,
    "false_discovery_rate": 0.1,
    "draws": 2001,
    "looks": (0.5, 0.5),
    "margins": Margins({"pgd/accuracy": 0.2}),
    "placebos": ("placebo",),
    "example_share": 0.1,
    "equal_flops": False,
    "curve_level": 0.2,
    "reliability": 0.9,
    "min_pairs": 4,
    "min_rungs": 6,
    "min_models": 7,
    "blocking_flags": ("leak",),
    "max_flagged": 0.2,
    "clean_accuracy": "clean/top5",
    "transforms": {"auroc": "identity"},
    "couplings": {"pgd/accuracy": "accuracy"},
    "claims": {"shield": ("pgd/accuracy",)},
    "weigh_claims": True,
}


OPTIONS = {**inspect.signature(audit_options).parameters, **inspect.signature(task_options).parameters}


def digest(section: dict[str, Any]) -> str:
    return preregistered(section, ["vision"]).digest


def test_the_order_and_the_form_of_numbers_are_not_in_the_digest() -> None:
    assert digest(YAML(typ="safe").load(CHOSEN)) == digest(YAML(typ="safe").load(SAME))
    options = OPTIONS
    given = {name: option.default for name, option in options.items() if option.default is not None}
    assert digest({}) == digest(given) == digest({**given, "placebos": ["placebo"], "areas": {}, "exposure": {}})
    assert digest({}) == digest({"looks": [1]}) == digest({"looks": None})
    assert len(digest({})) == 16


def test_every_option_is_in_the_digest() -> None:
    assert set(CHANGED) == set(OPTIONS)
    chosen = YAML(typ="safe").load(CHOSEN)
    assert set(chosen) == set(CHANGED)
    sections = [chosen, *({**chosen, name: value} for name, values in CHANGED.items() for value in values)]
    assert len({digest(section) for section in sections}) == len(sections)


def test_every_setting_of_the_analysis_is_in_the_digest() -> None:
    assert set(OTHER) == {field.name for field in dataclasses.fields(AuditSettings)}
    every = [AuditSettings(), *(dataclasses.replace(AuditSettings(), **{name: value}) for name, value in OTHER.items())]
    texts = [preregistration(settings, {}, exposure={}) for settings in every]
    assert len({preregistration_digest(text) for text in texts}) == len(every)


@pytest.mark.parametrize("section", [{}, YAML(typ="safe").load(CHOSEN)])
def test_a_section_read_back_from_the_plan_is_the_same_audit(section: dict[str, Any]) -> None:
    fixed = preregistered(section, ["vision"])
    again = Preregistered(json.loads(json.dumps(fixed.options)))
    assert (again.digest, again.of("vision")) == (fixed.digest, fixed.of("vision"))
