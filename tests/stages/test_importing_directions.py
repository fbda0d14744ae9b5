"""What the names of measurements tell."""

import pytest

from stages.imports.directions import is_no_measurement, known


@pytest.mark.parametrize(
    "name",
    [
        *(
            "ppl",
            "word_perplexity",
            "bits_per_byte",
            "lambada_ppl",
            "RMS calibration error",
            "Brier score",
            "mce",
            "ece",
        ),
        *(
            "attack-success-rate",
            "Attack success",
            "toxicity",
            "wer",
            "machiavelli-violations.promises",
            "test loss",
            "nll",
            "FPR95",
        ),
    ],
)
def test_errors_and_losses_are_better_when_lower(name: str) -> None:
    assert known(name) is False


@pytest.mark.parametrize(
    "name",
    ["acc", "acc,none", "acc_norm", "exact_match,strict-match", "F1", "mc2", "accuracy", "auroc", "pass@1", "rougeL"],
)
def test_accuracies_are_better_when_higher(name: str) -> None:
    assert known(name) is True


@pytest.mark.parametrize(
    "name", ["non_toxicity", "no hallucination rate", "anti-violation", "violation_free", "toxicity-less"]
)
def test_a_negated_name_tells_nothing(name: str) -> None:
    assert known(name) is None


@pytest.mark.parametrize("name", ["mean", "wonder", "refusal", "power", "score", "length", "accident", "glossary"])
def test_other_names_tell_nothing(name: str) -> None:
    assert known(name) is None


@pytest.mark.parametrize(
    "name", ["Arena Rank", "se", "acc_stderr", "upper bound", "__index_level_0__", "conf. high", "N"]
)
def test_ranks_errors_bounds_and_counts_are_no_measurements(name: str) -> None:
    assert is_no_measurement(name)


@pytest.mark.parametrize("name", ["acc", "frankness", "counterfactual", "science", "upper_exam", "bounded"])
def test_parts_of_words_are_no_reason(name: str) -> None:
    assert not is_no_measurement(name)
