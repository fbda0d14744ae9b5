"""RobustBench's model_info (Croce et al. 2021): a file for each model, named after it, below its data set and threat.

It says nothing of directions but what its names are: accuracies, and mean corruption errors.
"""

from pathlib import Path
from typing import Any

KEY = ("dataset", "threat", "model")
LOWER = ("corruptions_mce", "corruptions_mce_3d")


def recognises(file: Path, content: Any) -> bool:
    """Whether there is a clean accuracy on a data set."""
    return isinstance(content, dict) and {"clean_acc", "dataset"} <= set(content)


def read(file: Path, content: Any) -> dict[str, Any]:
    """A row: the file's fields as they are, named after the file, its threat model after the folder."""
    fields = {name: value for name, value in content.items() if not isinstance(value, (dict, list))}
    return {**fields, "model": file.stem, "threat": file.parent.name}
