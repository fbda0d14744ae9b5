"""A toy: a model of `width` numbers guesses a wheel's bias; values, no logits. Asked before a run."""

from types import SimpleNamespace

from pipelines import parts

KINDS = "pipelines.toy."
SPLITS = ("train", "test")


def part(kind, spec):
    return parts.load(KINDS + kind, spec["use"], spec["options"])


def shape(data):
    return SimpleNamespace(splits=SPLITS, groups=False, about={"spins": data["options"]["train"]})


def dataset(data):
    return SimpleNamespace(splits=part("datasets", data))


def examples(condition, data):
    return data.splits["test"] + part("conditions", condition)


def budget(*, rounds: parts.Count):
    return rounds


def cost(model, shape):
    return SimpleNamespace(parameters=part("models", model), flops_an_example=2.0 * part("models", model))


files = overlaps = lambda data: []
describe = lambda data: {"sides": 2}
training_steps = lambda shape, training: training["rounds"]
training_examples = lambda shape, training: training["rounds"] * shape.about["spins"]
training_cost = lambda method: 1.0
own_model = needs_groups = lambda method: False
splits_needed = lambda kind, spec: ("test",) if kind == "conditions" else ()
sibling_cost = lambda condition: None
outcomes_have = lambda condition: ("closeness", "safety")
