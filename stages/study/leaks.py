"""Which methods could have seen what they are measured on: those whose code holds some of the code that makes it."""

from collections.abc import Collection, Mapping

from stages.store.code_path import CodePath

CONDITIONS, DATASETS = ".conditions.", ".datasets."


def leaking(methods: Mapping[str, Collection[str]], condition: Collection[str], code: CodePath) -> list[str]:
    """The methods that import, by whatever way, a module of conditions that this one is made by, or any of data sets.

    methods: by name, the modules that each is trained by. condition: the modules that it is made by.
    """
    made_by = {name for name in code.names(condition) if CONDITIONS in name}
    return [name for name, modules in methods.items() if _seen(code.names(modules), made_by, code)]


def _seen(names: set[str], made_by: set[str], code: CodePath) -> bool:
    of_conditions = {name for name in names if CONDITIONS in name}
    own = names - code.names(of_conditions)  # a corruption may draw with what a data set draws with
    return bool(of_conditions & made_by) or any(DATASETS in name for name in own)
