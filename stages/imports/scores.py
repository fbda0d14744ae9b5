"""What a result file of an evaluation library says: a model, how it was run, and its scores."""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

LONGEST_SHOWN = 60
UNDATED = -math.inf
QUANTISED = re.compile(r"(?<!\d)[1-8][-_ ]?bit|u?int\d|fp[48]|float[48]|nf4|gptq|awq|gguf")

NO_MATTER = (  # of a model's arguments: where and how fast it ran
    *("device", "device_map", "device_map_option", "batch_size", "max_batch_size", "parallelize", "trust_remote_code"),
    *("tensor_parallel_size", "data_parallel_size", "gpu_memory_utilization", "max_memory_per_gpu", "swap_space"),
    *("max_cpu_memory", "offload_folder", "num_concurrent", "max_retries", "timeout", "base_url", "use_accelerate"),
    *(
        "low_cpu_mem_usage",
        "download_dir",
        "cache_dir",
        "logits_cache",
        "use_fast",
        "use_fast_tokenizer",
        "token",
        "max_connections",
    ),
)


class NotALog(ValueError):
    """A file that cannot be imported; the message says why."""


@dataclass(frozen=True)
class Score:
    """One number of a log: the `metric` of a `task`, its standard error and number of items where they are known.

    higher_is_better: None where the log does not say. settings: how the task was put to the model (few-shot, version);
    a part of the measurement's name where the logs of a folder differ in it. range: from what to what it can be, where
    the log says. items: the scores that it is the mean of, where the log has them (`stages.imports.items`).
    """

    task: str
    metric: str
    value: object
    standard_error: object = None
    n: object = None
    higher_is_better: bool | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    range: tuple[float, float] | None = None
    items: pl.DataFrame | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The task and its metric."""
        return f"{self.task}/{self.metric}" if self.metric else self.task


@dataclass(frozen=True)
class Log:
    """The scores of one model.

    identity: what makes it another model than its name says (revision, adapter, quantisation), always in its key. run:
    how it was run (precision, generation), in its key only where two logs measure the same of it and differ there.
    date: when it was measured (`seconds`). remarks: what a reader of the study should know. beside: the names of files
    in its folder that were read with it; unread: those that could not be, with the reason.
    """

    model: str
    scores: tuple[Score, ...]
    identity: Mapping[str, str] = field(default_factory=dict)
    run: Mapping[str, str] = field(default_factory=dict)
    date: float = UNDATED
    remarks: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The model's name with its identity."""
        return with_settings(self.model, self.identity)


def with_settings(name: str, settings: Mapping[str, str]) -> str:
    """A name and what is to be told beside it, as `name, key=value`; what is long or unprintable as its digest."""
    return ", ".join([name, *(f"{key}={_shown(value)}" for key, value in settings.items())])


def _shown(value: str) -> str:
    plain = len(value) <= LONGEST_SHOWN and value.isprintable()
    return value if plain else hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:8]


def mapping_of(value: object) -> Mapping[str, Any]:
    """A mapping as it is, anything else as an empty one: logs leave out what does not apply, or write null."""
    return value if isinstance(value, dict) else {}


def quantised(number_format: object) -> str | None:
    """A number format where its weights are others than those of 16 or 32 bits, None where they are the same."""
    text = str(number_format or "")
    return text if QUANTISED.search(text.lower()) else None


def seconds(time: object) -> float:
    """A time in seconds since 1970, from such a number or from ISO 8601, in UTC where that names no zone; where it is
    neither UNDATED, which is before all others.
    """
    text = "" if isinstance(time, bool) else str(time).strip()
    if re.fullmatch(r"\d{9,11}(\.\d*)?", text):
        return float(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return UNDATED
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def texts(**settings: object) -> dict[str, str]:
    """The settings that have a value, as text."""
    return {name: str(value) for name, value in settings.items() if value not in (None, "", {}, [])}
