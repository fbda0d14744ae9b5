"""The rows of the Open LLM Leaderboard that the audit of fine-tuning is about.

    python docs/gallery/fine_tuning.py open_llm_leaderboard.csv > fine_tuning.csv

Of the leaderboard's table: pretrained models that name themselves as their base (baseline rows); models whose base
stands in the table, but for letter case, too, or is a copy by `unsloth` that does not stand there; and those bases. A
base that is no pretrained model and names itself is a method's row without a baseline. The method is what a model's
name says, else its type; the family that of its base where that stands in the table, else its own, both by name.
"""

import re
import sys
from typing import Any

import polars as pl

METHODS = {  # in a name, the first that fits
    "abliterated": "abliterat|uncensored",
    **{name: name for name in ("dpo", "simpo", "orpo", "kto")},
    "cpo-gapo": "cpo|gapo",
    "sft": "sft",
}
TYPES = {"merge": "merge", "continued-pretraining": "continuously"}  # in the leaderboard's column Type
INSTRUCT = r"instruct|chat|-it(-|$)"
FAMILIES = (  # in a name, the first that fits; else the owner
    *("deepseek", "qwen2.5", "qwen1.5", "qwen2", "qwen", "llama-3.3", "llama-3.2", "llama-3.1", "llama-3", "llama-2"),
    *("tinyllama", "gemma-2", "gemma", "mistral-nemo", "mistral-small", "mixtral", "mistral", "phi-4", "phi-3", "phi"),
    *("yi-1.5", "yi", "falcon3", "falcon", "pythia", "granite", "smollm2", "smollm", "olmo", "opt", "bloom"),
    *("stablelm", "internlm", "solar", "gpt", "llama"),
)
SCORES = {
    **{name: name for name in ("BBH", "MATH Lvl 5", "GPQA", "MUSR", "MMLU-PRO", "IFEval")},
    "CO₂ cost (kg)": "CO2 cost (kg)",
    "MATH Lvl 5": "MATH",
}


def selected(table: pl.DataFrame) -> pl.DataFrame:
    """The rows of the leaderboard's table, with method, baseline and family; in its order."""
    rows = table.with_columns(pl.col("Base Model").fill_null("")).to_dicts()
    names = {row["fullname"] for row in rows}
    lower = {name.lower() for name in names}
    bases = {row["Base Model"] for row in rows if row["Base Model"] != row["fullname"]}
    found = []
    for row in rows:
        name, base = row["fullname"], row["Base Model"]
        pretrained = name == base and "pretrained" in row["Type"] and "continuously" not in row["Type"]
        tuned = name != base and (base.lower() in lower or base.startswith("unsloth/"))
        if pretrained or tuned or name in bases:
            about = {"model": name, "method": "" if pretrained else _method(row)}
            about |= {"baseline": "" if name == base else base, "family": _family(base if base in names else name)}
            found.append({**about, "precision": row["Precision"], **{new: row[old] for old, new in SCORES.items()}})
    return pl.DataFrame(found, infer_schema_length=None)


def _method(row: dict[str, Any]) -> str:
    name = row["fullname"].rpartition("/")[2].lower()
    said = next((method for method, pattern in METHODS.items() if re.search(pattern, name)), None)
    typed = next((method for method, text in TYPES.items() if text in row["Type"].lower()), None)
    return said or typed or ("instruct" if re.search(INSTRUCT, name) else "other")


def _family(name: str) -> str:
    lower = name.lower()
    return next((family for family in FAMILIES if family in lower), lower.partition("/")[0])


if __name__ == "__main__":
    sys.stdout.write(selected(pl.read_csv(sys.argv[1], infer_schema_length=None)).write_csv())
