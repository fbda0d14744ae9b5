"""Which way a measurement is better, as far as its name tells: metrics that are known by one name everywhere."""

import re

LOWER = re.compile(
    r"(.*_)?(ppl|perplexity|bits_per_byte|bpb|loss|nll|brier(_score)?|ece|mce|r?mse|mae|wer|cer|ter|fpr\d*|fnr|"
    r"error(_rate)?|err|toxicity|toxic_fraction|pct_stereotype|likelihood_diff|attack_success_rate|hallucination_rate|"
    r"violations?|misclassification)"
)
HIGHER = re.compile(
    r"(quasi_|prefix_|quasi_prefix_)*(acc|accuracy|exact_match|em|f1|mc[12]|mcc|matthews_correlation|auroc|auc|"
    r"balanced_accuracy|bleu|rouge\w*|chrf|meteor|ndcg|precision|recall|win_rate|pass|score_norm|pearson|spearman|"
    r"multiple_choice_grade|acc_(norm|all|mutual_info|bytes|norm_nospace)|f1_score|f1_(macro|micro|strings)|"
    r"(pass|bleu|exact_match|rouge)[@_](at_)?\w+|(prompt|inst)_level_(strict|loose)_acc)(@\d+)?"
)


def known(metric: str) -> bool | None:
    """Whether a metric of this name is better when higher; None where its name does not tell. `acc,none` is `acc`."""
    name = re.sub(r"[\s-]+", "_", re.split(r"[,(]", metric, maxsplit=1)[0].strip().lower())
    if LOWER.fullmatch(name):
        return False
    return True if HIGHER.fullmatch(name) else None
