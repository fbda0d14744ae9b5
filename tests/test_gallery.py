"""The rows that an audit of the gallery selects from its public table."""

import runpy
from pathlib import Path

import polars as pl

SELECT = Path(__file__).parent.parent / "docs/gallery/fine_tuning.py"
PRETRAINED, CHAT, MERGE = "🟢 pretrained", "💬 chat models (RLHF, DPO, IFT, ...)", "🤝 base merges and moerges"
CONTINUED = "🟩 continuously pretrained"


def leaderboard(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    """The leaderboard's columns that are read, with a row for each name, type and base."""
    scores = ("BBH", "MATH Lvl 5", "GPQA", "MUSR", "MMLU-PRO", "IFEval", "CO₂ cost (kg)")
    frame = pl.DataFrame(rows, schema=["fullname", "Type", "Base Model"], orient="row")
    return frame.with_columns(pl.lit("bfloat16").alias("Precision"), *(pl.lit(1.0).alias(name) for name in scores))


def test_rows_of_the_leaderboard_and_what_they_are() -> None:
    table = leaderboard(
        ("Qwen/Qwen2.5-7B", PRETRAINED, "Qwen/Qwen2.5-7B"),
        ("Qwen/Qwen2.5-7B-Instruct", CHAT, "Qwen/Qwen2.5-7B"),
        ("me/Qwen2.5-7B-it-DPO", CHAT, "Qwen/Qwen2.5-7B-Instruct"),
        ("me/tale-gemma", CHAT, "unsloth/gemma-2-9b-it"),
        ("me/case", CHAT, "qwen/qwen2.5-7B"),
        ("me/more", CONTINUED, "Qwen/Qwen2.5-7B"),
        ("me/mix", MERGE, "Qwen/Qwen2.5-7B"),
        ("01-ai/Yi-1.5-9B-Chat", CHAT, "01-ai/Yi-1.5-9B-Chat"),
        ("me/yi-uncensored", CHAT, "01-ai/Yi-1.5-9B-Chat"),
        ("alone/x", CHAT, "alone/x"),
        ("lost/x", CHAT, "nobody/x"),
        ("none/x", CHAT, None),
    )
    found = runpy.run_path(str(SELECT))["selected"](table)
    assert found.select("model", "method", "baseline", "family").rows() == [
        ("Qwen/Qwen2.5-7B", "", "", "qwen2.5"),
        ("Qwen/Qwen2.5-7B-Instruct", "instruct", "Qwen/Qwen2.5-7B", "qwen2.5"),
        ("me/Qwen2.5-7B-it-DPO", "dpo", "Qwen/Qwen2.5-7B-Instruct", "qwen2.5"),
        ("me/tale-gemma", "other", "unsloth/gemma-2-9b-it", "gemma"),
        ("me/case", "other", "qwen/qwen2.5-7B", "me"),
        ("me/more", "continued-pretraining", "Qwen/Qwen2.5-7B", "qwen2.5"),
        ("me/mix", "merge", "Qwen/Qwen2.5-7B", "qwen2.5"),
        ("01-ai/Yi-1.5-9B-Chat", "instruct", "", "yi-1.5"),
        ("me/yi-uncensored", "abliterated", "01-ai/Yi-1.5-9B-Chat", "yi-1.5"),
    ]
    assert found.columns[4:] == ["precision", "BBH", "MATH", "GPQA", "MUSR", "MMLU-PRO", "IFEval", "CO2 cost (kg)"]
