"""params.yaml: every fault at once, one line each, and nothing run."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines import parts
from pipelines.vision.datasets import glyphs
from stages import domains
from stages.cli import main, run_stage
from stages.errors import CodeNotFollowed
from stages.store.code_path import CodePath
from stages.study import params
from stages.study.checks import WrongParams
from stages.study.compute import Compute
from stages.study.expansion import expanded, planned_runs
from stages.study.task import SECTIONS

Write = Callable[[Mapping[str, Any]], Path]
FOUND_IN = ("data", "training", "models", "methods", "conditions", "measurements", "seeds")  # the order of faults


def faults(path: Path) -> list[str]:
    with pytest.raises(WrongParams) as caught:
        params.read(path / "params.yaml")
    return caught.value.faults


def test_a_study_is_expanded(study: Write, tiny: dict[str, Any]) -> None:
    (vision,) = params.read(study(tiny) / "params.yaml").tasks
    assert [model.name for model in vision.models] == ["resnet-4", "vit-12", "vit-24"]
    assert [method.name for method in vision.methods] == ["standard", "noise", "outlier_exposure"]
    assert vision.training["learning_rate"] == 2e-3
    assert [(item.condition, item.name, item.axis, item.pillar) for item in vision.measurements][:2] == [
        ("clean", "accuracy", "capability", None),
        ("clean", "brier_score", "safety", "monitoring"),
    ]


def test_every_fault_is_reported_at_once(
    study: Write, tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    vision = tiny["vision"]
    tiny["study"] = "../elsewhere"
    tiny["extra"] = 1
    tiny["authors"] = "Ada"
    vision["data"]["trane"] = 10
    vision["training"]["epochs"] = 0
    vision["models"] = {"resnet": {"widths": [4, 4]}, "vit": {"widths": [13]}, "lenet": {"widths": [1]}}
    vision["seeds"] = [0, 0]
    vision["methods"] = {"noise": {"sigma": -1}, "mixup": {"alfa": 1}, "mixupp": None}
    vision["conditions"]["pgd"] = {"epsilon": 2}
    vision["conditions"]["a/b"] = {"use": "clean"}
    vision["measurements"]["clean"]["auroc"] = "monitoring"
    vision["measurements"]["clean"]["accuracy"] = "skill"
    vision["measurements"]["nowhere"] = {"accuracy": "capability"}
    folder = study(tiny)
    assert faults(folder) == [
        "params.yaml: study: '../elsewhere' is not a name of letters, digits, '_', '.' and '-', at most 64 long",
        "params.yaml: authors: 'Ada' is not a list of names",
        f"params.yaml: vision.data: 'trane' is not one of: {', '.join(parts.defaults(glyphs.dataset))}",
        "params.yaml: vision.training: 'epochs' is 0, not a whole number of at least 1",
        "params.yaml: vision.models.resnet: 'widths' is [4, 4], not a list of different whole numbers",
        "params.yaml: vision.models.vit: 'width' is 13, not a multiple of 4 and of 1, its number of heads",
        "params.yaml: vision.models.lenet: 'lenet' is not one of the models (nearest: resnet): "
        f"{', '.join(parts.names('pipelines.vision.models'))}",
        "params.yaml: vision.methods.noise: 'sigma' is -1, not a number above 0",
        "params.yaml: vision.methods.mixup: 'alfa' is not one of: alpha",
        "params.yaml: vision.methods.mixupp: 'mixupp' is not one of the methods (nearest: mixup): "
        f"{', '.join(parts.names('pipelines.vision.methods'))}",
        "params.yaml: vision.conditions.pgd: 'epsilon' is 2, not a number from 0 to 1",
        "params.yaml: vision.conditions.a/b: not a name of letters, digits, '_', '.' and '-', at most 64 long",
        "params.yaml: vision.methods: 'standard' is missing: every method is compared with it",
        "params.yaml: vision.measurements.clean.accuracy: 'skill' is not one of: capability, robustness, monitoring, "
        "alignment, systemic safety",
        "params.yaml: vision.measurements.clean.auroc: needs labels, outliers, and 'clean' has only labels",
        "params.yaml: vision.measurements.nowhere: not one of the conditions: clean, corruptions, near, spurious, "
        "pgd, a/b",
        "params.yaml: vision.seeds: [0, 0] has duplicate seeds",
        f"params.yaml: 'extra' is not one of: study, authors, audit, compute, {', '.join(domains.names())}; "
        "any other section says its domain",
    ]
    assert run_stage("plan") == 2
    assert len(capsys.readouterr().err.splitlines()) == 18
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]


@pytest.fixture
def linked(tiny: dict[str, Any]) -> dict[str, Any]:
    """A study whose sections name what is in others."""
    vision = tiny["vision"]
    vision["conditions"]["reference"] = {"features": True}
    vision["measurements"]["near"]["scaled"] = {"use": "auroc", "scaled": True, "is": "monitoring"}
    vision["measurements"]["near"]["far"] = {"use": "auroc", "score": "mahalanobis", "is": "monitoring"}
    vision["conditions"]["near"]["features"] = True
    vision["seeds"] = {"standard": [0, 1], "*": [0]}
    vision["agreement"] = {"unshifted": "clean", "shifted": ["corruptions"]}
    vision["evaluate_at"] = {"steps": [2], "methods": ["noise"], "conditions": ["clean"]}
    tiny["audit"] = {
        "placebos": ["noise"],
        "areas": {"outliers": "near/auroc"},
        "claims": {"outlier_exposure": ["outliers"]},
    }
    tiny["compute"] = {"methods": {"noise": {"cpus": 1}}, "models": {"vit-12": {"cpus": 1}}}
    return tiny


@pytest.mark.parametrize("key", SECTIONS)
def test_of_what_is_missing_nothing_else_is_said(study: Write, linked: dict[str, Any], key: str) -> None:
    params.read(study(linked) / "params.yaml")
    del linked["vision"][key]
    assert faults(study(linked)) == [f"params.yaml: vision.{key}: is missing or empty"]


@pytest.mark.parametrize("key", SECTIONS)
def test_what_is_wrong_beside_a_missing_section_is_said_at_once(study: Write, linked: dict[str, Any], key: str) -> None:
    vision = linked["vision"]
    wrong: dict[str, tuple[dict[str, Any], str, Any]] = {
        "data": (vision["data"], "trane", 10),
        "training": (vision["training"], "epochs", 0),
        "models": (vision["models"], "lenet", {"widths": [1]}),
        "seeds": (vision["seeds"], "*", [0, 0]),
        "methods": (vision["methods"], "noise", {"sigma": -1}),
        "conditions": (vision["conditions"], "corruptions", {"images": 0}),
        "measurements": (vision["measurements"]["near"], "energy", {"use": "aurok", "is": "monitoring"}),
    }
    for section, name, value in wrong.values():
        section[name] = value
    del vision[key]
    found = faults(study(linked))
    assert found[0] == f"params.yaml: vision.{key}: is missing or empty"
    assert [line.split(".")[2].split(":")[0] for line in found[1:]] == [each for each in FOUND_IN if each != key]


NO_OPTION = "'bad' is not one of: split"
NO_CAPABILITY = "vision.measurements: none is 'capability': there is nothing to measure safety against"


@pytest.mark.parametrize(
    ("wrong", "messages"),
    [
        (
            {"models": {"resnet": {"widths": [4, 0, 8], "depht": 3}}},
            [r"vision.models.resnet: 'depht' is not one of: .*", r"vision.models.resnet: 'width' is 0, not a .*"],
        ),
        (
            {
                "conditions": {"clean": {"bad": 1}},
                "measurements": {"cleann": {"accuracy": "capability"}},
                "agreement": {"unshifted": "nowhere", "shifted": ["clean"]},
            },
            [
                f"vision.conditions.clean: {NO_OPTION}",
                "vision.measurements.cleann: not one of the conditions: clean",
                "vision.agreement.unshifted: 'nowhere' is not one of the conditions: clean",
            ],
        ),
        (
            {"conditions": {"n": {"use": "clean", "bad": 1}}, "measurements": {"n": {"accuracy": "capability"}}},
            [f"vision.conditions.n: {NO_OPTION}", "vision.conditions.n: 'n' is what MLflow holds .*"],
        ),
        (
            {"seeds": {"standard": "abc", "*": [0, 1]}},
            ["vision.seeds.standard: 'abc' is not a list of whole numbers of at least 0"],
        ),
        ({"seeds": {"noise": [0], "outlier_exposure": [0]}}, ["vision.seeds: none for standard: name each method, .*"]),
        (
            {"methods": {"noise": {"sigma": 0.1}}, "seeds": {"standard": [0], "noise": [0]}},
            ["vision.methods: 'standard' is missing: every method is compared with it"],
        ),
        (
            {"measurements": {"clean": {"accuracyy": "capability"}}},
            ["vision.measurements.clean.accuracyy: 'accuracyy' is not one of the metrics .nearest: accuracy.: .*"],
        ),
        (
            {"measurements": {"clean": None, "corruptions": {"accuracy": "robustness"}}},
            ["vision.measurements.clean: None is not a mapping of metrics to an axis"],
        ),
        ({"measurements": {"clean": {"accuracy": "monitoring"}}}, [re.escape(NO_CAPABILITY)]),
    ],
)
def test_each_fault_is_said_once_and_nothing_that_is_none(
    study: Write, tiny: dict[str, Any], wrong: dict[str, Any], messages: list[str]
) -> None:
    tiny["vision"] |= wrong
    found = faults(study(tiny))
    assert len(found) == len(messages), found
    for fault, message in zip(found, messages, strict=True):
        assert re.fullmatch(f"params.yaml: {message}", fault), fault


def test_seeds_that_no_method_takes_need_no_pair(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["seeds"] = {"standard": [0], "noise": [0], "outlier_exposure": [0], "*": [7]}
    params.read(study(tiny) / "params.yaml")


def test_what_another_task_may_have_is_not_said_to_be_wrong(study: Write, linked: dict[str, Any]) -> None:
    """Methods and models of a task that lacks them are not known, and what is known is checked."""
    second = {**linked["vision"], "domain": "vision"}
    linked["audit"] = {"placebos": ["sugar"], "vision": {"claims": {"sugar": ["near/auroc"]}}}
    linked["compute"] = {"methods": {"sugar": {"cpus": 1}}, "models": {"mlp": {"cpus": 1}}}
    linked["other"] = {key: value for key, value in second.items() if key not in ("methods", "models")}
    assert faults(study(linked)) == [f"params.yaml: other.{key}: is missing or empty" for key in ("models", "methods")]
    linked["other"] = {key: value for key, value in second.items() if key != "measurements"}
    known = "standard, noise, outlier_exposure"
    assert faults(study(linked)) == [
        "params.yaml: other.measurements: is missing or empty",
        f"params.yaml: audit.vision.claims.sugar: not one of the methods: {known}",
        f"params.yaml: audit.placebos: 'sugar' is not one of the methods: {known}",
        f"params.yaml: compute.methods.sugar: not one of the methods: {known}",
        "params.yaml: compute.models.mlp: not one of the families or models: resnet, vit, resnet-4, vit-12, vit-24",
    ]


def test_what_is_not_given_is_said_to_be_missing(study: Write, tiny: dict[str, Any]) -> None:
    del tiny["study"]
    tiny["vision"]["measurements"]["near"] = {"auroc": None, "energy": {"use": "auroc"}}
    tiny["audit"] = {"exposure": {"near": 0.1}}
    axes = "'is' is missing: one of capability, robustness, monitoring, alignment, systemic safety"
    assert faults(study(tiny)) == [
        "params.yaml: study: is missing: a name of letters, digits, '_', '.' and '-', at most 64 long",
        f"params.yaml: vision.measurements.near.auroc: {axes}",
        f"params.yaml: vision.measurements.near.energy: {axes}",
        "params.yaml: audit.exposure.near: not one of the conditions with residual_risk: (there are none)",
    ]


def test_the_baseline_is_no_placebo_and_nothing_is_claimed_of_it(study: Write, linked: dict[str, Any]) -> None:
    linked["audit"] |= {"placebos": ["standard"], "claims": {"standard": ["outliers"]}}
    assert faults(study(linked)) == [
        "params.yaml: audit.claims.standard: is what every method is compared with: nothing is claimed of it",
        "params.yaml: audit.placebos: 'standard' is what every method is compared with, and no placebo",
    ]


def test_check_refuses_what_stage_plan_refuses(
    study: Write, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study(tiny)

    def refused(*_: Any) -> Any:
        raise CodeNotFollowed("mine.py:3: 'os.getenv' depends on the environment")

    monkeypatch.setattr(CodePath, "digest", refused)
    assert main(["check"]) == 2
    assert capsys.readouterr().err == "mine.py:3: 'os.getenv' depends on the environment\n"


def test_a_stage_that_is_none_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_stage("trane") == 2
    assert capsys.readouterr().err.startswith("'trane' is not one of the stages: plan, prepare, train, ")


def test_a_table_that_is_not_there_yet_is_one_line(study: Write, tiny: dict[str, Any], capsys: Any) -> None:
    study(tiny)
    assert main(["status"]) == 2
    assert capsys.readouterr().err == "plan/runs.parquet: not there yet; `dvc repro` makes it\n"


def test_methods_have_the_seeds_they_are_given(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["seeds"] = {"standard": [0, 1, 3], "*": [0]}
    study(tiny)
    task = params.read().tasks[0]
    assert task.seeds == {"standard": (0, 1, 3), "noise": (0,), "outlier_exposure": (0,)}
    assert task.seed_counts == "1 seed (standard 3)"
    assert task.runs == 5 * len(task.models)
    runs, _, _ = expanded(params.read())
    assert Counter(row["method"] for row in runs if row["role"] == "run") == {
        "standard": 3 * len(task.models), "noise": len(task.models), "outlier_exposure": len(task.models)
    }  # fmt: skip
    tiny["vision"]["seeds"] = [0, 1]
    study(tiny)
    assert params.read().tasks[0].seed_counts == "2 seeds"


def test_seeds_by_method_that_pair_no_runs_are_refused(study: Write, tiny: dict[str, Any]) -> None:
    methods = "standard, noise, outlier_exposure"
    tiny["vision"]["seeds"] = {"standard": [0], "noise": [0, 2], "nois": [1], "outlier_exposure": []}
    assert faults(study(tiny)) == [
        f"params.yaml: vision.seeds.nois: not one of the methods: {methods}; or '*' for all others",
        "params.yaml: vision.seeds.outlier_exposure: [] is not a list of whole numbers of at least 0",
        "params.yaml: vision.seeds: noise has the seed 2, and standard has not: runs are paired by seed",
    ]
    tiny["vision"]["seeds"] = {"standard": [0]}
    assert faults(study(tiny)) == [
        "params.yaml: vision.seeds: none for noise, outlier_exposure: name each method, or '*' for all others",
    ]
    tiny["vision"]["seeds"] = 3
    assert faults(study(tiny)) == ["params.yaml: vision.seeds: 3 is not a list of whole numbers of at least 0"]


def test_an_audit_is_of_the_study_it_stands_in(study: Write, tiny: dict[str, Any]) -> None:
    tiny["audit"] = {
        "areas": {"outliers": "near/auroc", "again": "near/auroc", "attacks": "pgd/accuracy"},
        "margins": {"clean/accuracy": 0.1, "near/auroc": 0, "capability": 0.3},
        "placebos": ["sugar"],
        "q": 0,
        "margin": 1,
    }
    safety = "clean/brier_score, corruptions/accuracy, near/auroc, near/energy, spurious/worst_group_accuracy"
    assert faults(study(tiny)) == [
        "params.yaml: audit: 'margin' is not one of: areas, margins, exposure, claims, placebos, q, draws, "
        "equal_flops, weigh_claims, looks, vision",
        "params.yaml: audit: 'q' is 0, not a number above 0 and at most 0.5",
        "params.yaml: audit.areas.again: 'near/auroc' is already the measurement of another area",
        f"params.yaml: audit.areas.attacks: 'pgd/accuracy' is not one of the safety measurements: {safety}",
        f"params.yaml: audit.margins.clean/accuracy: not 'capability' nor one of the safety measurements: {safety}",
        "params.yaml: audit.margins.near/auroc: 0 is not a number above 0",
        "params.yaml: audit.placebos: 'sugar' is not one of the methods: standard, noise, outlier_exposure",
    ]
    tiny["audit"] = 3
    assert faults(study(tiny)) == ["params.yaml: audit: 3 is not a mapping of options"]


def test_claims_of_authors_name_methods_and_areas(study: Write, tiny: dict[str, Any]) -> None:
    tiny["audit"] = {"areas": {"outliers": "near/auroc"}, "claims": {"noise": ["outliers"], "outlier_exposure": []}}
    study(tiny)
    settings = params.read().audit.of("vision").settings
    assert settings.claims == {"noise": ("near/auroc",), "outlier_exposure": ()}
    assert not settings.weigh_claims
    tiny["audit"]["claims"] = {"nois": ["outliers"], "noise": ["attacks"], "outlier_exposure": "outliers"}
    assert faults(study(tiny)) == [
        "params.yaml: audit.claims.nois: not one of the methods: standard, noise, outlier_exposure",
        "params.yaml: audit.claims.noise: 'attacks' is not one of the areas: outliers",
        "params.yaml: audit.claims.outlier_exposure: 'outliers' is not a list of areas",
    ]


def test_an_audit_is_read_with_its_defaults(study: Write, tiny: dict[str, Any]) -> None:
    study(tiny)
    assert params.read().audit.of("vision").settings.placebos == ("placebo",)
    assert params.read().audit.of("vision").areas == {}
    tiny["audit"] = {"areas": {"outliers": "near/auroc"}, "margins": {"capability": 1, "near/auroc": 0.2}, "q": 0.1}
    study(tiny)
    fixed = params.read().audit.of("vision")
    assert fixed.areas == {"outliers": "near/auroc"}
    assert (fixed.settings.margins.capability, fixed.settings.margins.safety) == (1.0, {"near/auroc": 0.2})
    assert (fixed.settings.false_discovery_rate, fixed.settings.equal_flops) == (0.1, True)


def test_a_condition_with_a_fault_is_not_said_to_be_missing(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["conditions"]["corruptions"] = {"images": 0}
    tiny["vision"]["agreement"] = {"unshifted": "clean", "shifted": ["corruptions"]}
    assert faults(study(tiny)) == [
        "params.yaml: vision.conditions.corruptions: 'images' is 0, not a whole number of at least 1"
    ]


def test_what_is_not_yaml_is_shown_where(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("study: x\nvision: [1,\n")
    with pytest.raises(WrongParams, match=r"^params.yaml: not YAML: expected .*, at line 3, column 1$"):
        params.read(tmp_path / "params.yaml")


def test_a_model_too_small_for_the_images_is_named(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["data"]["size"] = 16
    tiny["vision"]["models"] = {"resnet": {"widths": [4]}, "convnext": {"widths": [4]}}
    assert faults(study(tiny)) == [
        "params.yaml: vision.models.convnext: convnext needs images of at least 32 pixels a side, these have 16"
    ]


def test_checkpoints_are_of_the_study_they_stand_in(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["evaluate_at"] = {"steps": [1, 4], "methods": ["nois"], "conditions": ["clean", "pgd"]}
    assert faults(study(tiny)) == [
        "params.yaml: vision.evaluate_at.steps: 4 is not below 4, the last step, which is measured anyway",
        "params.yaml: vision.evaluate_at.methods: 'nois' is not one of the methods: standard, noise, outlier_exposure",
        "params.yaml: vision.evaluate_at.conditions: 'pgd' is not one of the conditions: clean, corruptions, near, "
        "spurious",
    ]
    tiny["vision"]["training"]["epochs"] = 16
    tiny["vision"]["evaluate_at"] = {"steps": 4}
    (vision,) = params.read(study(tiny) / "params.yaml").tasks
    assert vision.checkpoints.steps == (1, 3, 8, 23)
    assert vision.checkpoints.methods == ("standard",)
    assert vision.checkpoints.conditions == ("clean", "corruptions", "near", "spurious")


def test_second_models_are_looked_at_at_their_end_alone(study: Write, tiny: dict[str, Any]) -> None:
    """A checkpoint has none of its own: the one of the finished run would stand for it."""
    vision = tiny["vision"]
    vision["conditions"]["few"] = {"use": "few_examples", "share": 0.5}
    vision["evaluate_at"] = {"steps": [1]}
    (read,) = params.read(study(tiny) / "params.yaml").tasks
    assert read.checkpoints.conditions == ("clean", "corruptions", "near", "spurious")
    vision["evaluate_at"]["conditions"] = ["clean", "few"]
    assert faults(study(tiny)) == [
        "params.yaml: vision.evaluate_at.conditions: 'few' looks at a second model of a run, which has no checkpoints; "
        "accepted: clean, corruptions, near, spurious"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "params.yaml: No such file or directory"),
        ("study: [", "params.yaml: not YAML: "),
        ("study: s\nvision: {}\ncompute: {cpus: two}\n", "params.yaml: compute: 'cpus' is 'two', not "),
        ("study: s\nvision: {}\ncompute: 3\n", "params.yaml: compute: 3 is not a mapping of options"),
    ],
)
def test_what_work_needs_is_one_line_where_it_is_being_edited(text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(WrongParams) as caught:
        params.compute(tmp_path / "params.yaml")
    (line,) = caught.value.faults
    assert line.removeprefix(f"{tmp_path}/").startswith(said)


def test_agreement_is_looked_at_under_conditions_with_labels(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["agreement"] = {"unshifted": "clea", "shifted": ["corruptions"], "of": 1}
    assert faults(study(tiny)) == ["params.yaml: vision.agreement: 'of' is not one of: unshifted, shifted"]
    del tiny["vision"]["agreement"]["of"]
    assert faults(study(tiny)) == [
        "params.yaml: vision.agreement.unshifted: 'clea' is not one of the conditions: clean, corruptions, near, "
        "spurious"
    ]
    tiny["vision"]["agreement"]["unshifted"] = "clean"
    (vision,) = params.read(study(tiny) / "params.yaml").tasks
    assert [vision.agreement.role(name) for name in ("clean", "corruptions", "near")] == ["unshifted", "shifted", ""]


def test_what_is_fitted_on_validation_images_needs_them(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["measurements"]["clean"]["brier_score"] = {"is": "monitoring", "scaled": True}
    assert faults(study(tiny)) == [
        "params.yaml: vision.measurements.clean.brier_score: needs outcomes on training and validation images: a "
        "condition 'reference'"
    ]
    tiny["vision"]["conditions"]["reference"] = None
    tiny["vision"]["evaluate_at"] = {"steps": [1], "conditions": ["clean"]}
    (vision,) = params.read(study(tiny) / "params.yaml").tasks
    assert vision.checkpoints.conditions == ("clean", "reference")


def test_what_is_fitted_on_the_runs_own_model_is_not_taken_of_a_second_one(study: Write, tiny: dict[str, Any]) -> None:
    """A threshold or a temperature is another model's; the gap that a second model recovers is to the run's own."""
    tiny["vision"]["conditions"] |= {"trojan": None, "reference": None}
    tiny["vision"]["measurements"]["trojan"] = {
        "residual_risk": "systemic safety",
        "brier_score": {"is": "monitoring", "scaled": True},
        "attack_success_rate": "alignment",
    }
    said = (
        "is fitted on the outcomes of a condition 'reference', those of a run's own model, and 'trojan' looks at a "
        "second model of each run"
    )
    assert faults(study(tiny)) == [
        f"params.yaml: vision.measurements.trojan.{name}: {said}" for name in ("residual_risk", "brier_score")
    ]


def test_a_score_of_features_needs_them_on_both_sides(study: Write, tiny: dict[str, Any]) -> None:
    vision = tiny["vision"]
    vision["measurements"]["near"]["by_neighbours"] = {"use": "auroc", "is": "monitoring", "score": "knn"}
    where = "params.yaml: vision.measurements.near.by_neighbours: needs"
    lacking = [f"{where} labels, outliers, features, and 'near' has only labels, outliers"]
    assert faults(study(tiny)) == lacking
    vision["conditions"]["near"]["features"] = True
    lacking = [f"{where} outcomes on training and validation images: a condition 'reference'"]
    assert faults(study(tiny)) == lacking
    vision["conditions"]["reference"] = None
    assert faults(study(tiny)) == [f"{where} features of 'reference' too: its option 'features: true'"]
    vision["conditions"]["reference"] = {"features": True}
    (found,) = params.read(study(tiny) / "params.yaml").tasks
    assert {item.name: item.reference for item in found.measurements if item.condition == "near"} == {
        **dict.fromkeys(vision["measurements"]["near"]),
        "by_neighbours": "reference",
    }


def test_a_split_the_dataset_lacks_is_named(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["data"] = {"use": "digits"}
    tiny["vision"]["methods"] = {"standard": None}
    tiny["vision"]["conditions"] = {"clean": None, "spurious": None}
    tiny["vision"]["measurements"] = {"clean": {"accuracy": "capability"}}
    (fault,) = faults(study(tiny))
    assert fault.startswith(
        "params.yaml: vision.conditions.spurious: needs the split 'spurious', and this dataset has: "
    )


def test_what_a_method_needs_is_named(study: Write, tiny: dict[str, Any]) -> None:
    """More images, their groups, or a model that can be as wide as it makes it: 28 x 2 is no multiple of its heads."""
    vision = tiny["vision"]
    vision["data"] = {"use": "digits"}
    vision["models"] = {"vit": {"widths": [12, 28]}}
    vision["methods"] = {"standard": None, "more_data": None, "group_dro": None, "wider": None, "deep_ensemble": None}
    vision["conditions"] = {"clean": None}
    vision["measurements"] = {"clean": {"accuracy": "capability"}}
    first, *rest = faults(study(tiny))
    assert first.startswith("params.yaml: vision.methods.more_data: needs the split 'more_train', and this dataset has")
    assert rest == [
        "params.yaml: vision.methods.group_dro: needs the groups of the training examples, and this dataset has none",
        "params.yaml: vision.methods.wider: vit-28: 'width' is 56, not a multiple of 4 and of 3, its number of heads",
    ]
    vision["data"] = {"use": "glyphs", "more_train": 100}
    vision["models"] = {"vit": {"widths": [12]}}
    (made,) = params.read(study(tiny) / "params.yaml").tasks
    by_method = {row["method"]: row for row in planned_runs(made, CodePath())}
    parameters, flops = ({name: row[what] for name, row in by_method.items()} for what in ("parameters", "flops"))
    assert parameters["deep_ensemble"] == 5 * parameters["standard"]
    assert 3 < parameters["wider"] / parameters["standard"] < 4
    assert flops["deep_ensemble"] == 5 * flops["standard"]
    assert by_method["more_data"]["splits"] == "train,more_train"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("study: a\nstudy: b\n", [
            "line 2: duplicate key 'study'",
            f"no task is given: a section named {' or '.join(domains.names())}, or one that says its domain",
        ]),
        ("[1, 2]\n", [f"not a mapping with 'study' and a task, named like its domain ({', '.join(domains.names())})"]),
        ("", [f"not a mapping with 'study' and a task, named like its domain ({', '.join(domains.names())})"]),
        ("study: x\nvision: 3\n", [
            "vision: not a mapping with data, training, models, seeds, methods, conditions, measurements"
        ]),
        ("study: x\nvision: {data: {}}\n", [
            *(f"vision.{name}: is missing or empty" for name in (
                "data", "training", "models", "seeds", "methods", "conditions", "measurements"
            )),
        ]),
    ],
)  # fmt: skip
def test_what_is_no_study_is_said(tmp_path: Path, text: str, messages: list[str]) -> None:
    (tmp_path / "params.yaml").write_text(text)
    assert faults(tmp_path) == [f"params.yaml: {message}" for message in messages]


def test_a_duplicate_key_in_a_section_is_said(study: Write, tiny: dict[str, Any]) -> None:
    folder = study(tiny)
    text = (folder / "params.yaml").read_text().replace("    noise:\n", "    noise: {sigma: 1}\n    noise:\n")
    (folder / "params.yaml").write_text(text)
    (fault,) = faults(folder)
    assert fault.endswith("duplicate key 'noise'")


@pytest.mark.timeout(60)
def test_what_would_take_all_memory_or_hours_is_said_before_it_is_tried(study: Write, tiny: dict[str, Any]) -> None:
    vision = tiny["vision"]
    vision["models"] = {
        "resnet": {"widths": [4, 10**6]},
        "vit": {"widths": [12 * 10**6]},
        "cnn": {"widths": [2**62]},
        "deep": {"use": "resnet", "widths": [4], "blocks": 10**6},
    }
    vision["methods"]["deep_ensemble"] = {"members": 10**9}
    too_large = r"too large: at least \S+ numbers in [\d,]+ tensors; accepted: at most 2\.7e\+08 in 20,000"
    *models, method = faults(study(tiny))
    for name, line in zip(("resnet", "vit", "cnn", "deep"), models, strict=True):
        assert re.fullmatch(rf"params\.yaml: vision\.models\.{name}: {too_large}", line), line
    assert method == (
        "params.yaml: vision.methods.deep_ensemble: resnet-4: takes 1,000,000,000 times the training of standard; "
        "accepted: at most 1,000"
    )


@pytest.mark.parametrize(
    ("section", "options", "message"),
    [
        ("evaluate_at", {"steps": 10**9}, "vision.evaluate_at: 'steps' is 1000000000, not a whole number from 1 to "
            "1000 or a list, each item a whole number of at least 1"),
        ("training", {"epochs": 10**18}, "vision.training: asks for 1,000,000,000,000,000,000 steps; accepted: at most "
            "1,000,000,000,000"),
        ("seeds", [10**20], "line 134: '100000000000000000000' is not a whole number of at most 9223372036854775807"),
        ("training", {"epochs": 10**21}, "line 136: '1000000000000000000000' is not a whole number of at most "
            "9223372036854775807"),
    ],
)  # fmt: skip
def test_a_number_that_no_study_has_is_said(
    study: Write, tiny: dict[str, Any], section: str, options: Any, message: str
) -> None:
    tiny["vision"][section] = options
    (fault,) = faults(study(tiny))
    assert re.sub(r"line \d+", "line", fault) == "params.yaml: " + re.sub(r"line \d+", "line", message)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("areas", {"a": ["near/auroc"]}, "audit.areas.a: ['near/auroc'] is not one of the safety measurements: "),
        ("areas", ["near/auroc"], "audit: 'areas' is ['near/auroc'], not a mapping or null"),
        ("placebos", [["noise"]], "audit: 'placebos' is [['noise']], not a list, each item a text or null"),
    ],
)
def test_a_list_where_a_name_belongs_is_said(
    study: Write, tiny: dict[str, Any], name: str, value: Any, message: str
) -> None:
    tiny["audit"] = {name: value}
    assert faults(study(tiny))[0].startswith(f"params.yaml: {message}")


def test_a_merged_mapping_and_numbers_without_a_point_are_read(study: Write, tiny: dict[str, Any]) -> None:
    folder = study(tiny)
    text = (
        (folder / "params.yaml").read_text().replace("    noise:\n      sigma: 0.1\n", "    noise: &a {sigma: 4e-3}\n")
    )
    text = text.replace("    outlier_exposure:\n", "    louder: {<<: *a, use: noise}\n    outlier_exposure:\n")
    (folder / "params.yaml").write_text(text)
    (vision,) = params.read(folder / "params.yaml").tasks
    assert [part.options.get("sigma") for part in vision.methods] == [None, 0.004, 0.004, None]


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(WrongParams, match=r"nowhere\.yaml: No such file or directory$"):
        params.read(tmp_path / "nowhere.yaml")


def test_check_says_what_a_study_asks_for(
    study: Write, tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    study(tiny)
    assert main(["check"]) == 0
    assert "18 runs x 4 conditions, 6 measurements" in capsys.readouterr().out


def test_list_names_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "methods"]) == 0
    shown = capsys.readouterr().out
    assert "mixup" in shown
    assert "[alpha: 0.2]" in shown


def test_the_most_specific_need_counts(study: Write, tiny: dict[str, Any]) -> None:
    """The model before its family before the method before the domain before the default, need by need."""
    tiny["compute"] = {
        "cpus": 1,
        "memory_gib": 1,
        "timeout_s": 10,
        "workers": 5,
        "vision": {"memory_gib": 2, "timeout_s": 20},
        "methods": {"noise": {"cpus": 2, "timeout_s": 30}},
        "models": {"vit": {"cpus": 3, "gpus": 0.5}, "vit-24": {"cpus": 4}},
    }
    study(tiny)
    compute = params.read().compute
    assert compute == params.compute()
    assert compute.workers == 5

    def needed(method: str, model: str) -> tuple[float, float, float, float]:
        found = compute.resources("vision", method, model)
        return found.cpus, found.gpus, (found.memory or 0) / 2**30, found.timeout or 0

    assert needed("standard", "resnet-4") == (1, 0, 2, 20)
    assert needed("noise", "resnet-4") == (2, 0, 2, 30)
    assert needed("noise", "vit-12") == (3, 0.5, 2, 30)
    assert needed("noise", "vit-24") == (4, 0.5, 2, 30)
    assert compute.measuring("vision") == compute.resources("vision", "", "resnet-4")
    assert Compute({"gpus": 1}).measuring("vision").gpus == 0


def test_needs_are_in_no_key(study: Write, tiny: dict[str, Any]) -> None:
    plans = []
    for compute in ({}, {"cpus": 2, "methods": {"noise": {"memory_gib": 1}}}):
        study({**tiny, "compute": compute})
        assert run_stage("plan") == 0
        plans.append(Path("plan/runs.parquet").read_bytes())
    assert plans[0] == plans[1]


def test_faults_in_what_work_needs(study: Write, tiny: dict[str, Any]) -> None:
    tiny["compute"] = {
        "vision": {"cpu": 2},
        "methods": {"x": {"cpus": 2}, "noise": {"cpus": 0}, "standard": 3},
        "models": {"resnet": {"workers": 2}, "resnet-8": {"timeout_s": "long"}},
    }
    needs = "cpus, gpus, memory_gib, timeout_s"
    assert faults(study(tiny)) == [
        "params.yaml: compute.methods.x: not one of the methods: standard, noise, outlier_exposure",
        "params.yaml: compute.models.resnet-8: not one of the families or models: resnet, vit, resnet-4, vit-12, "
        "vit-24",
        f"params.yaml: compute.vision: 'cpu' is not one of: {needs}",
        "params.yaml: compute.methods.noise: 'cpus' is 0, not a number above 0",
        "params.yaml: compute.methods.standard: 3 is not a mapping of options",
        f"params.yaml: compute.models.resnet: 'workers' is not one of: {needs}",
        "params.yaml: compute.models.resnet-8: 'timeout_s' is 'long', not a number above 0 or null",
    ]
    tiny["compute"] = {"methods": [1], "cpus": "all", "gpu": 1}
    assert faults(study(tiny)) == [
        "params.yaml: compute: 'gpu' is not one of: cpus, gpus, memory_gib, timeout_s, workers, methods, models, "
        "vision",
        "params.yaml: compute: 'methods' is [1], not a mapping or null",
        "params.yaml: compute: 'cpus' is 'all', not a number above 0",
    ]
