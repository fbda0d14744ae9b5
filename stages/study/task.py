"""A section of params.yaml read as a task."""

from collections.abc import Collection, Mapping
from contextlib import chdir
from typing import Annotated, Any

from analysis.tables import BASELINE
from pipelines import parts
from pipelines.domain import Domain
from stages import domains
from stages.home import data_home
from stages.study.checks import (
    NAME,
    Faults,
    asked,
    check_options,
    made,
    named_part,
    named_parts,
)
from stages.study.measurements import measurements_of, unfit_conditions
from stages.study.model import SHIFTED, UNSHIFTED, Agreement, Checkpoints, Measurement, Part, Task
from stages.study.names import Names, names_of
from stages.study.seeds import seeds_of

BESIDE_TASKS = ("study", "authors", "audit", "compute")
SECTIONS = ("data", "training", "models", "seeds", "methods", "conditions", "measurements")
OPTIONAL = ("domain", "cohort", "evaluate_at", "agreement")
MOST_STEPS = 10**12  # of a training run
MOST_AT_ONCE = 256  # runs of a cohort
Checkpointed = Annotated[int, parts.Range(1, 1000)]


def read_task(name: Any, section: Any, faults: Faults) -> Task | None:
    """The task of a section of params.yaml; None where it has errors."""
    known = domains.names()
    if not isinstance(name, str) or not NAME.fullmatch(name):
        faults.add("", f"{name!r} is not a name of letters, digits, '_', '.' and '-', at most 64 long")
        return None
    says = isinstance(section, dict) and "domain" in section
    use = section["domain"] if says else name
    if use not in known:
        if says:
            faults.add(f"{name}.domain", f"{use!r} is not one of: {', '.join(known)}")
        else:
            accepted = f"{', '.join((*BESIDE_TASKS, *known))}; any other section says its domain"
            faults.add("", f"{name!r} is not one of: {accepted}")
        return None
    if not isinstance(section, dict):
        faults.add(name, f"not a mapping with {', '.join(SECTIONS)}")
        return None
    for key in section:
        if key not in (*SECTIONS, *OPTIONAL):
            faults.add(f"{name}.{key}", f"not one of: {', '.join((*SECTIONS, *OPTIONAL))}")
    return _read(name, domains.domain(use), use, section, faults)


def _read(name: str, domain: Domain, use: str, section: Mapping[str, Any], faults: Faults) -> Task | None:
    before, package = len(faults), f"pipelines.{use}"
    missing = {key for key in SECTIONS if not section.get(key)}
    for key in (key for key in SECTIONS if key in missing):
        faults.add(f"{name}.{key}", "is missing or empty")

    def of(key: str) -> Faults:
        """Where the faults of a section go: nowhere if it is missing, which is all there is to say of it."""
        return Faults(faults.source) if key in missing else faults

    given = {key: section.get(key) for key in SECTIONS}
    data = named_part(f"{package}.datasets", "data", given["data"], name, of("data"), label_is_use=False)
    shape = made(lambda: shape_of(data, domain), f"{name}.data", faults) if data else None
    training = _training(given["training"], domain, f"{name}.training", of("training"))
    models = _models(package, given["models"], f"{name}.models", shape, domain, of("models"))
    methods = named_parts(f"{package}.methods", given["methods"], f"{name}.methods", of("methods"))
    conditions = named_parts(f"{package}.conditions", given["conditions"], f"{name}.conditions", of("conditions"))
    named = names_of(section)
    for condition, why in unfit_conditions(named.conditions):
        faults.add(f"{name}.conditions.{condition}", why)
    if isinstance(given["methods"], dict) and BASELINE not in given["methods"]:
        of("methods").add(f"{name}.methods", f"{BASELINE!r} is missing: every method is compared with it")
    if shape:
        for kind, chosen in (("methods", methods), ("conditions", conditions)):
            for part in chosen:
                _check_splits(domain.splits_needed(kind, part.spec()), shape, f"{name}.{kind}.{part.name}", faults)
        for method in methods:
            _check_method(method, models, shape, domain, f"{name}.methods.{method.name}", faults)
    faulty = [name for name in named.conditions if name not in [condition.name for condition in conditions]]
    measurements = measurements_of(given["measurements"], conditions, faulty, name, domain, of("measurements"))
    seeds = seeds_of(given["seeds"], named.methods, BASELINE, f"{name}.seeds", of("seeds"))
    agreement = _agreement(section.get("agreement"), conditions, faulty, f"{name}.agreement", domain, faults)
    last = _last_step(shape, training, domain, f"{name}.training", faults) if shape and training else None
    cohort = _cohort(section.get("cohort", 1), use, f"{name}.cohort", faults)
    where = f"{name}.evaluate_at"
    beside = [part.name for part in conditions if domain.sibling_cost(part.spec()) is not None]
    checkpoints = _checkpoints(section.get("evaluate_at"), named, beside, measurements, last, where, faults)
    if data is None or training is None or checkpoints is None or len(faults) > before:
        return None
    return Task(
        name,
        use,
        data,
        shape,
        training,
        models,
        seeds,
        methods,
        conditions,
        measurements,
        checkpoints,
        agreement,
        cohort,
    )


def _cohort(given: Any, domain: str, where: str, faults: Faults) -> int:
    """How many runs are trained at once; 1 where it has errors."""
    able = [name for name in domains.names() if domains.cohorts(name)] if given != 1 else [domain]
    if domain not in able:
        faults.add(where, f"runs of {domain} are trained one at a time; accepted: in tasks of {', '.join(able)}")
    elif not parts.accepts(parts.Count, given) or given > MOST_AT_ONCE:
        faults.add(where, f"{given!r} is not a whole number from 1 to {MOST_AT_ONCE}")
    else:
        return int(given)
    return 1


def _training(section: Any, domain: Domain, where: str, faults: Faults) -> Mapping[str, Any] | None:
    """The budget with its defaults; None where it has errors."""
    before = len(faults)
    check_options(domain.budget, section, where, faults)
    return None if len(faults) > before else parts.defaults(domain.budget) | section


def _last_step(shape: Any, training: Mapping[str, Any], domain: Domain, where: str, faults: Faults) -> int | None:
    last = domain.training_steps(shape, training)
    if last <= MOST_STEPS:
        return last
    faults.add(where, f"asks for {last:,} steps; accepted: at most {MOST_STEPS:,}")
    return None


def shape_of(data: Part, domain: Domain) -> Any:
    """What a domain knows of a dataset before it is made."""
    with chdir(data_home(domain.files(data.spec()))):
        return domain.shape(data.spec())


def evaluate_at_options(
    *, steps: Checkpointed | list[parts.Count], methods: list[str] | None = None, conditions: list[str] | None = None
) -> dict[str, Any]:
    """steps: a number of steps, evenly spaced in their logarithm from the first on, or a list of steps. methods: whose
    runs, by default the baseline's. conditions: by default all that look at the run's own model."""
    return {"steps": steps, "methods": methods, "conditions": conditions}


def _checkpoints(
    section: Any,
    named: Names,
    beside: Collection[str],
    measurements: tuple[Measurement, ...],
    last: int | None,
    where: str,
    faults: Faults,
) -> Checkpoints | None:
    """None where it has errors, or the last step is not known, as the data or the training have. `beside` are the
    conditions that look at a sibling model, of which there are no checkpoints. No names stand for names that are not
    known.
    """
    before = len(faults)
    options = asked(evaluate_at_options, section, where, faults)
    if options is None:
        return Checkpoints() if len(faults) == before else None
    steps = options["steps"]
    if last and isinstance(steps, int):
        steps = sorted({round(last ** (place / steps)) for place in range(steps)} - {last})
    elif last and (late := [step for step in steps if step >= last]):
        faults.add(f"{where}.steps", f"{late[0]} is not below {last}, the last step, which is measured anyway")
    wanted = {"methods": options["methods"] or [BASELINE], "conditions": options["conditions"]}
    for kind, names in (("methods", named.methods), ("conditions", named.conditions)):
        for name in wanted[kind] or []:
            if names and name not in names:
                faults.add(f"{where}.{kind}", f"{name!r} is not one of the {kind}: {', '.join(names)}")
            elif name in beside and kind == "conditions":
                own = [each for each in names if each not in beside]
                what = (
                    f"{name!r} looks at a second model of a run, which has no checkpoints; accepted: {', '.join(own)}"
                )
                faults.add(f"{where}.{kind}", what)
    if not last or len(faults) > before:
        return None
    chosen = wanted["conditions"] or [name for name in named.conditions if name not in beside]
    chosen += [item.reference for item in measurements if item.reference and item.condition in chosen]
    return Checkpoints(tuple(sorted(set(steps))), tuple(wanted["methods"]), tuple(dict.fromkeys(chosen)))


def agreement_options(*, unshifted: str, shifted: list[str]) -> Agreement:
    """unshifted: the condition whose labels are known. shifted: those under which accuracy is predicted without."""
    return Agreement(unshifted, tuple(shifted))


def _agreement(
    section: Any, conditions: tuple[Part, ...], faulty: Collection[str], where: str, domain: Domain, faults: Faults
) -> Agreement:
    """`faulty` are conditions that have an error of their own, which is reported already; no conditions stand for
    conditions that are not known.
    """
    agreement = asked(agreement_options, section, where, faults)
    if agreement is None:
        return Agreement()
    known = {part.name: part for part in conditions}
    for place, names in ((UNSHIFTED, (agreement.unshifted,)), (SHIFTED, agreement.shifted)):
        for name in names:
            if name in faulty or not (known or faulty):
                continue
            if name not in known:
                every = ", ".join((*known, *faulty))
                faults.add(f"{where}.{place}", f"{name!r} is not one of the conditions: {every}")
            elif "labels" not in domain.outcomes_have(known[name].spec()):
                faults.add(f"{where}.{place}", f"{name!r} has no labels")
    return agreement


def _check_splits(needed: tuple[str, ...], shape: Any, where: str, faults: Faults) -> None:
    for split in needed:
        if split not in shape.splits:
            faults.add(where, f"needs the split {split!r}, and this dataset has: {', '.join(shape.splits)}")


def _check_method(
    method: Part, models: tuple[Part, ...], shape: Any, domain: Domain, where: str, faults: Faults
) -> None:
    """Whether the dataset has the groups that it needs, and whether every model can be what it makes of it."""
    if domain.needs_groups(method.spec()) and not shape.groups:
        faults.add(where, "needs the groups of the training examples, and this dataset has none")
    if domain.own_model(method.spec()):
        for model in models:
            made(
                lambda model=model: domain.parameters(model.spec(), method.spec(), shape),  # type: ignore[misc]
                f"{where}: {model.name}",
                faults,
            )


def _models(package: str, section: Any, where: str, shape: Any, domain: Domain, faults: Faults) -> tuple[Part, ...]:
    """Every family's models, one for each of its widths, each built once to see that it fits the data."""
    models: list[Part] = []
    if not isinstance(section, dict):
        faults.add(where, f"{section!r} is not a mapping of families to their widths")
        return ()
    for family, entry in section.items():
        options = dict(entry) if isinstance(entry, dict) else {}
        widths = options.pop("widths", None)
        if not isinstance(widths, list) or not widths or len(set(map(str, widths))) < len(widths):
            what = f"is {widths!r}, not" if widths is not None else "is missing:"
            faults.add(f"{where}.{family}", f"'widths' {what} a list of different whole numbers")
            continue
        for width in widths:
            own = Faults(faults.source)
            part = named_part(f"{package}.models", family, {**options, "width": width}, where, own)
            if part and shape:
                made(lambda part=part: domain.cost(part.spec(), shape), f"{where}.{family}", own)  # type: ignore[misc]
            faults.extend(line for line in own if line not in faults)  # once, not for each width
            if part and not own:
                models.append(Part(f"{family}-{width}", part.use, part.options))
    for model in models:
        if model.name in section:
            faults.add(f"{where}.{model.name}", "is a model of another family too: give the family another name")
    return tuple(models)
