"""Detectors find what was planted, find nothing where there is nothing, and are tested on what they never saw."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.trojans import meta_network, neural_cleanse, weight_statistics
from benchmarks.trojans.detection import Detector, by_value, mean_over_folds, on_unseen
from benchmarks.trojans.networks import Budget, restored
from benchmarks.trojans.neural_cleanse import SIZES, Search, anomaly, mask_sizes
from benchmarks.trojans.population import Design, Population, trained_pair
from pipelines.outcomes import Measured, Unmeasurable
from pipelines.vision.data import Split
from tests.benchmarks.trojans.conftest import CLASSES, SIZE

Untrained = Callable[..., Population]
QUICK = meta_network.Training(queries=3, epochs=10, batch_size=16)
LEARNT = {"weights": weight_statistics.detect, "meta-network": meta_network.detector(QUICK)}
every_learnt = pytest.mark.parametrize("detector", LEARNT.values(), ids=LEARNT.keys())


def over_families(detector: Detector, networks: Population) -> Measured:
    families = np.unique(networks.family)
    return mean_over_folds([on_unseen(detector, networks, networks.family == family, 0) for family in families])


@every_learnt
def test_shifted_weights_are_found_in_unseen_families(detector: Detector, untrained: Untrained) -> None:
    assert over_families(detector, untrained(16, shift=0.3)).value > 0.95


@every_learnt
def test_two_clean_populations_are_not_told_apart(detector: Detector, untrained: Untrained) -> None:
    found = over_families(detector, untrained(60))
    assert found.standard_error is not None
    assert abs(found.value - 0.5) < 3 * found.standard_error
    assert 0.03 < found.standard_error < 0.08


@every_learnt
def test_scores_depend_on_the_seed_and_on_no_other_tested_network(detector: Detector, untrained: Untrained) -> None:
    networks = untrained(16)
    seen, tested = networks.rows(networks.family == "patch"), networks.rows(networks.family == "warp")
    scores = detector(seen, tested, 0)
    assert np.array_equal(scores, detector(seen, tested, 0))
    few = np.arange(len(tested)) < 3
    assert np.allclose(detector(seen, tested.rows(few), 0), scores[few], atol=1e-5)


def test_weight_statistics_do_not_depend_on_the_order_of_units(untrained: Untrained) -> None:
    networks = untrained(3)
    order = np.random.default_rng(0).permutation(8)
    weights = dict(networks.weights)
    for name in ("layers.0.weight", "layers.0.bias"):
        weights[name] = weights[name][:, order]
    plain, shuffled = (weight_statistics.statistics(each) for each in (networks.weights, weights))
    assert np.allclose(plain, shuffled)
    assert np.isfinite(plain).all()


def test_a_judge_asks_every_network_as_it_would_answer_itself(untrained: Untrained) -> None:
    """And sees no more than differences of logits, whatever the names of the classes."""
    networks = untrained(3)
    judge = meta_network.trained(networks, replace(QUICK, epochs=0), seed=0)
    found = judge.answers(meta_network.tensors(networks)).detach().numpy()
    renamed = np.array([2, 0, 3, 1])
    for row in range(len(networks)):
        weights = {name: value[row] for name, value in networks.weights.items()}
        logits = restored(weights, CLASSES, SIZE)(judge.queries).detach().numpy()
        logits = logits - logits.mean(axis=1, keepdims=True)
        assert np.allclose(found[row], logits[:, logits.mean(axis=0).argsort()], atol=1e-5)
    other = {name: value.copy() for name, value in networks.weights.items()}
    for name in ("layers.7.weight", "layers.7.bias"):
        other[name] = other[name][:, renamed] + (3 if name.endswith("bias") else 0)
    again = judge.answers(meta_network.tensors(replace(networks, weights=other))).detach().numpy()
    assert np.allclose(found, again, atol=1e-5)


def test_area_is_scikit_learns_on_the_unseen_networks(untrained: Untrained) -> None:
    networks = untrained(20)
    scores = np.random.default_rng(0).normal(size=len(networks))
    networks = replace(networks, values={"score": scores})
    unseen = networks.family == "blend"
    found = on_unseen(by_value("score", -1), networks, unseen, 0)
    assert found.value == pytest.approx(roc_auc_score(networks.trojaned[unseen], -scores[unseen]))
    assert found.n == 10


def test_a_detector_learns_from_no_network_it_is_tested_on(untrained: Untrained) -> None:
    networks = untrained(8)
    looked_at = []

    def spy(seen: Population, tested: Population, seed: int) -> np.ndarray:
        looked_at.append((set(seen.family.tolist()), set(tested.family.tolist())))
        assert not set(seen.pair.tolist()) & set(tested.pair.tolist())
        return np.zeros(len(tested))

    assert on_unseen(spy, networks, networks.family == "warp", 0).value == 0.5
    assert looked_at == [({"patch", "blend", "grating"}, {"warp"})]
    with pytest.raises(ValueError, match=r"^a pair is both seen and unseen$"):
        on_unseen(spy, networks, networks.trojaned, 0)
    with pytest.raises(Unmeasurable, match=r"^the seen networks are not of both kinds$"):
        on_unseen(spy, networks, networks.pair >= 0, 0)


def test_the_mean_over_folds_has_the_error_of_a_mean_of_independent_values() -> None:
    found = mean_over_folds([Measured(0.6, 0.03, 20), Measured(0.8, 0.04, 30)])
    assert found.value == pytest.approx(0.7)
    assert found.n == 50
    assert found.standard_error == pytest.approx(0.025)
    assert mean_over_folds([Measured(0.6, None, 2), Measured(0.8, 0.04, 30)]).standard_error is None


def test_neural_cleanse_finds_the_target_of_a_patch(quarters: Callable[[int, int], Split]) -> None:
    """Its smallest mask is the target's, and far smaller than the same class's in the clean network of the pair."""
    design = Design(images=300, rate=0.2, families=("patch",), budget=Budget(steps=100))
    clean, trojaned = trained_pair(1, design, quarters(500, 0), quarters(100, 1), CLASSES)
    assert trojaned.values["attack_success"] > 0.95
    before, after = (
        mask_sizes(restored(member.weights, CLASSES, SIZE), quarters(100, 2).images, Search(), 0)
        for member in (clean, trojaned)
    )
    assert after.argmin() == trojaned.target
    assert after[trojaned.target] < 0.7 * before[trojaned.target]


def test_a_found_target_is_the_class_of_the_smallest_mask(untrained: Untrained) -> None:
    networks = replace(untrained(1), values={SIZES: np.array([[3.0, 1, 2, 5], [3, 2, 2, 0.5]])})
    assert neural_cleanse.found_targets(networks).tolist() == [1, 3]


def test_masks_that_never_succeed_are_as_large_as_the_image(quarters: Callable[[int, int], Split]) -> None:
    design = Design(images=100, budget=Budget(steps=1))
    clean, _ = trained_pair(0, design, quarters(300, 0), quarters(20, 1), CLASSES)
    sizes = mask_sizes(restored(clean.weights, CLASSES, SIZE), quarters(20, 2).images, Search(steps=5), 0)
    assert sizes.tolist() == [SIZE**2] * CLASSES


def test_the_anomaly_index_is_of_the_smallest_in_robust_deviations() -> None:
    sizes = np.array([10.0, 11, 12, 13, 14, 2])
    assert anomaly(sizes) == pytest.approx((11.5 - 2) / (1.4826 * 1.5))
    assert anomaly(3 * sizes) == pytest.approx(anomaly(sizes))
    assert anomaly(np.full(5, 7.0)) == 0


def test_against_clean_networks_each_class_is_compared_with_itself(untrained: Untrained) -> None:
    """Class 0 needs little in every network: the anomaly index sees nothing else, the comparison sees the target."""
    networks = untrained(40)
    generator = np.random.default_rng(0)
    sizes = np.array([2.0, 10, 10, 10]) * np.exp(generator.normal(0, 0.1, (len(networks), CLASSES)))
    sizes[networks.trojaned, networks.target[networks.trojaned]] *= 0.5
    networks = replace(networks, values={SIZES: sizes})
    compared = over_families(neural_cleanse.against_clean, networks)
    alone = over_families(neural_cleanse.by_anomaly, networks)
    assert compared.value > 0.95
    assert alone.value < compared.value
