"""Values from what the models did, example by example: the metrics whose arithmetic is short."""

from typing import Any

import numpy as np

Array = Any
Arrays = dict[str, Array]
GOLDEN = (5**0.5 - 1) / 2
BY_ANSWER = ("accuracy", "worst_group_accuracy", "attack_success_rate")  # need the answers alone
BY_LOGITS = (
    "auroc",
    "excess_area_under_risk_coverage",
    "negative_log_likelihood",
    "residual_risk",
    "rms_calibration_error",
    "thresholded_confidence_error",
)
RECORDED = {"certified_accuracy": "certified_radius", "localisation": "localisation"}  # metric: what it needs beside
OF_REFERENCE = ("labels", "groups", "parts", "part_names", "logits")
OF_LOGITS = ("msp", "max_logit", "energy")


def known(spec: dict[str, Any]) -> bool:
    """Whether the verifier can make this metric with these options itself."""
    use, options = spec["use"], spec["options"]
    if options.get("score", "msp") not in OF_LOGITS or options.get("equal_width") or options.get("debiased"):
        return False
    return use in BY_ANSWER or use in BY_LOGITS or use in RECORDED


def needs_reference(spec: dict[str, Any]) -> bool:
    """Whether it is fitted on the outcomes on training and validation images."""
    return bool(spec["scaled"]) or spec["use"] in ("residual_risk", "thresholded_confidence_error")


def needed(spec: dict[str, Any]) -> tuple[str, ...]:
    """The arrays of the outcomes that the metric needs; `answers` are those of the highest logits."""
    common = ("labels", "groups", "parts", "part_names")
    if spec["scaled"] or spec["use"] in BY_LOGITS:
        return (*common, "logits")
    beside = (RECORDED[spec["use"]],) if spec["use"] in RECORDED else ()
    return (*common, "answers", *beside)


def value_of(spec: dict[str, Any], shown: Arrays, reference: Arrays | None) -> float:
    """The value over all examples: of each part the same weight, where there are parts."""
    if spec["scaled"]:
        by = np.float32(temperature(_part(_need(reference), "validation")))
        shown = {**shown, "logits": shown["logits"] / by}
        reference = {**_need(reference), "logits": _need(reference)["logits"] / by}
    if "logits" in shown:
        shown = {**shown, "answers": shown["logits"].argmax(1)}
    names = [str(name) for name in shown["part_names"]]
    if not names:
        return _metric(spec, shown, reference)
    return sum(_metric(spec, _part(shown, name), reference) for name in names) / len(names)


def _metric(spec: dict[str, Any], shown: Arrays, reference: Arrays | None) -> float:
    use, options, labels = spec["use"], spec["options"], shown["labels"]
    inside = labels >= 0
    if use == "auroc":
        return _auroc(_outlying(shown["logits"], options["score"]), ~inside)
    if use == "residual_risk":
        return _residual_risk(shown, _part(_need(reference), "validation"), options)
    groups = shown["groups"][inside]
    if use in BY_LOGITS:
        logits = shown["logits"][inside].astype(float)
        right = logits.argmax(1) == labels[inside]
        if use == "negative_log_likelihood":
            return float(-_log_softmax(logits)[np.arange(len(logits)), labels[inside]].mean())
        if use == "rms_calibration_error":
            return _rms(right, np.exp(_log_softmax(logits).max(1)), options["per_bin"])
        if use == "thresholded_confidence_error":
            return _thresholded(right, _doubt(logits), _part(_need(reference), "validation"))
        return _excess_aurc(~right, _doubt(logits))
    answers = shown["answers"][inside]
    right = answers == labels[inside]
    if use == "worst_group_accuracy":
        return min(float(right[groups == group].mean()) for group in range(groups.max() + 1))
    if use == "attack_success_rate":
        conflict = (groups >= 0) & (groups != labels[inside])
        return float((answers == groups)[conflict].mean())
    if use == "certified_accuracy":
        radius = shown["certified_radius"][inside]
        return float(((radius > 0) & (radius >= options["radius"])).mean())
    if use == "localisation":
        return float(shown["localisation"][inside][right].astype(float).mean())
    return float(right.mean())


def temperature(shown: Arrays) -> float:
    """What logits are divided by: the least negative log-likelihood on validation images, their labels smoothed by one
    example more; by golden section.
    """
    inside = shown["labels"] >= 0
    logits, labels = shown["logits"][inside].astype(float), shown["labels"][inside]
    logits = logits - logits.mean(1, keepdims=True)
    spread = float(logits.std())
    if spread == 0:
        return 1.0
    logits = logits / spread
    own = (1 - 1 / (len(logits) + 2)) * logits[np.arange(len(logits)), labels]

    def loss(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        top = scaled.max(1)
        return float((top + np.log(np.exp(scaled - top[:, None]).sum(1)) - own / np.exp(log_t)).mean())

    low, high = -12.0, 12.0
    while high - low > 1e-9:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return spread * float(np.exp((low + high) / 2))


def _need(reference: Arrays | None) -> Arrays:
    if reference is None:
        raise KeyError("the outcomes on training and validation images are not there")
    return reference


def _part(shown: Arrays, name: str) -> Arrays:
    """The rows of a named part, and those that belong to every part."""
    names = [str(each) for each in shown["part_names"]]
    keep = (shown["parts"] == names.index(name)) | (shown["parts"] == -1)
    return {key: each if key == "part_names" else each[keep] for key, each in shown.items()}


def _log_softmax(logits: Array) -> Array:
    top = logits.max(1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))


def _doubt(logits: Array) -> Array:
    """Log odds against the likeliest class: it tells apart what confidence would round to 1."""
    ordered = np.sort(logits, axis=1)
    second, rest = ordered[:, -2], ordered[:, :-1]
    return second - ordered[:, -1] + np.log(np.exp(rest - second[:, None]).sum(1))


def _outlying(logits: Array, score: str) -> Array:
    logits = logits.astype(float)
    if score == "max_logit":
        return -logits.max(1)
    if score == "energy":
        ordered = np.sort(logits, axis=1)
        return -(ordered[:, -1] + np.log(np.exp(ordered - ordered[:, -1:]).sum(1)))
    return _doubt(logits)


def _auroc(scores: Array, positive: Array) -> float:
    """How often a positive scores above a negative, ties counting half: by counting."""
    low = np.sort(scores[~positive])
    below, most = (np.searchsorted(low, scores[positive], side=side) for side in ("left", "right"))
    return float((below + most).mean() / 2 / len(low))


def _rms(right: Array, confidence: Array, per_bin: int) -> float:
    """Over bins of equal mass; examples of the same confidence share their mean accuracy."""
    _, place, count = np.unique(confidence, return_inverse=True, return_counts=True)
    right = (np.bincount(place, right) / count)[place]
    order, n = np.argsort(confidence), len(confidence)
    bins = max(1, n // per_bin)
    parts = np.split(order, (np.arange(1, bins) * n) // bins)
    return float(np.sqrt(sum(len(each) / n * (right - confidence)[each].mean() ** 2 for each in parts)))


def _excess_aurc(wrong: Array, doubt: Array) -> float:
    """The area under the risk-coverage curve beyond that of the best order."""
    n, errors = len(wrong), int(wrong.sum())
    _, place, count = np.unique(doubt, return_inverse=True, return_counts=True)
    wrong = (np.bincount(place, wrong) / count)[place]
    accepted = np.arange(1, n + 1)
    risk = np.cumsum(wrong[np.argsort(doubt)]) / accepted
    best = np.clip(accepted - (n - errors), 0, None) / accepted
    return max(0.0, float(risk.mean() - best.mean()))


def _thresholded(right: Array, doubt: Array, validation: Arrays) -> float:
    """How far the share above the confidence that as many validation examples lie below as are wrong is from
    accuracy.
    """
    inside = validation["labels"] >= 0
    logits, labels = validation["logits"][inside].astype(float), validation["labels"][inside]
    errors = int((logits.argmax(1) != labels).sum())
    threshold = np.append(np.sort(-_doubt(logits)), np.inf)[errors]
    return float(abs((-doubt >= threshold).mean() - right.mean()))


def _residual_risk(shown: Arrays, validation: Arrays, options: dict[str, Any]) -> float:
    """The share that is answered wrongly and not flagged; of outliers, where there are some, that is not flagged."""
    inside = validation["labels"] >= 0
    alarms = np.sort(_outlying(validation["logits"][inside], options["score"]))
    limit = alarms[len(alarms) - int(options["false_alarms"] * len(alarms) + 1e-9) - 1]
    outliers = shown["labels"] < 0
    scores = _outlying(shown["logits"], options["score"])
    if outliers.any():
        return float((scores[outliers] <= limit).mean())
    return float(((shown["logits"].argmax(1) != shown["labels"]) & (scores <= limit)).mean())
