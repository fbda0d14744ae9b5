"""What the name of a column tells: which way a known metric is better, and that some are no measurements at all."""

import re

LOWER = re.compile(
    r"(.*_)?(ppl|perplexity|bits_per_byte|bpb|loss|nll|brier(_score)?|ece|mce|r?mse|mae|wer|cer|ter|fpr\d*|fnr|"
    r"error(_rate)?|err|toxicity|toxic_fraction|pct_stereotype|likelihood_diff|"
    r"attack_success(_rate)?|jailbreak(_success)?_rate|hallucination(_rate)?|"
    r"(?:.*[_.])?violations?(?:[_.].*)?|misclassification)"
)
HIGHER = re.compile(
    r"(quasi_|prefix_|quasi_prefix_)*(acc|accuracy|exact_match|em|f1|mc[12]|mcc|matthews_correlation|auroc|auc|"
    r"balanced_accuracy|bleu|rouge\w*|chrf|meteor|ndcg|precision|recall|win_rate|pass|score_norm|pearson|spearman|"
    r"multiple_choice_grade|acc_(norm|all|mutual_info|bytes|norm_nospace)|f1_score|f1_(macro|micro|strings)|"
    r"(pass|bleu|exact_match|rouge)[@_](at_)?\w+|(prompt|inst)_level_(strict|loose)_acc)(@\d+)?"
)

NEGATED = {"non", "no", "not", "anti", "free", "less", "without"}  # words that turn what stands beside them

ANYWHERE = {  # words in the name of a column that is no measurement, whatever stands beside them
    *("rank", "ranks", "ranking", "likes", "downloads", "votes", "stars", "emission", "emissions", "co2", "stderr"),
    *("ci", "stddev", "stdev", "sem", "unnamed", "date", "timestamp", "latency", "runtime", "params", "parameters"),
    "flops",
}
LAST = {
    *("count", "counts", "num", "n", "size", "se", "std", "var", "variance", "year", "time", "seconds", "cost", "price")
}
FIRST = {"n", "num", "number", "count"}
ALONE = {"", "id", "idx", "index", "tokens"}
ENDS = ({"lower", "upper", "low", "high"}, {"bound", "bounds", "conf", "confidence", "limit", "95"})


def is_no_measurement(name: str) -> bool:
    """Whether a name is that of a rank, a count, a date, an error, a bound, or the like."""
    words = [word for word in re.split(r"[\W_]+", name.lower()) if word] or [""]
    several = {*words}
    return bool(
        several & ANYWHERE
        or words[-1] in LAST
        or words[0] in FIRST
        or (len(words) == 1 and words[0] in ALONE)
        or {"index", "level"} <= several
        or {"std", "err"} <= several
        or {"standard", "error"} <= several
        or {"standard", "errors"} <= several
        or all(several & ends for ends in ENDS)
    )


def known(metric: str) -> bool | None:
    """Whether a metric of this name is better when higher; None where its name does not tell. `acc,none` is `acc`."""
    name = re.sub(r"[\s-]+", "_", re.split(r"[,(]", metric, maxsplit=1)[0].strip().lower())
    if NEGATED.intersection(re.split(r"[\W_]+", name)):
        return None
    if LOWER.fullmatch(name):
        return False
    return True if HIGHER.fullmatch(name) else None
