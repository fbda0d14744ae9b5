"""Outlier scores on features: scikit-learn, definitions with the true last layer, planted Gaussian classes, too few
training images.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import ncx2
from sklearn.covariance import EmpiricalCovariance, LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from pipelines.metrics import auroc
from pipelines.metrics._distances import mahalanobis, nearest_neighbour, shrunk_covariance, virtual_logit
from pipelines.metrics._scores import scores_of
from pipelines.outcomes import Outcomes, Unmeasurable

CLASSES, WIDTH = 4, 12


class Planted:
    """Gaussian classes with one covariance, outliers at a distance from every class mean, a linear last layer."""

    def __init__(self, seed: int, training: int = 600, width: int = WIDTH, test: int = 300):
        rng = np.random.default_rng(seed)
        self.root = rng.normal(0, 0.3, (width, width)) / np.sqrt(width) + np.eye(width)
        self.means = rng.normal(0, 2, (CLASSES, width))
        self.layer, self.bias = self.means.T, -((self.means**2).sum(axis=1)) / 2
        self.labels = rng.integers(0, CLASSES, training)
        self.training = self.means[self.labels] + rng.normal(0, 1, (training, width)) @ self.root
        truth = rng.integers(0, CLASSES, test)
        self.outlying = rng.random(test) < 0.4
        away = self.outlying[:, None] * rng.normal(0, 2, (test, width))
        self.features = self.means[truth] + away + rng.normal(0, 1, (test, width)) @ self.root
        self.truth = np.where(self.outlying, -1, truth)

    def logits(self, features: np.ndarray) -> np.ndarray:
        logits: np.ndarray = features @ self.layer + self.bias
        return logits

    def outcomes(self) -> Outcomes:
        def of(features: np.ndarray, labels: np.ndarray, **more: object) -> Outcomes:
            none, logits = np.full(len(labels), -1), self.logits(features).astype(np.float32)
            found = Outcomes(logits, labels, np.arange(len(labels)), none, none, features=features.astype(np.float32))
            return replace(found, **more)  # type: ignore[arg-type]

        parts = np.zeros(len(self.labels), dtype=np.int64)
        reference = of(self.training, self.labels, parts=parts, part_names=("training", "validation"))
        return of(self.features, self.truth, reference=reference)


def deviations(planted: Planted) -> tuple[np.ndarray, np.ndarray]:
    """Class means and what is left of the training features, in a loop."""
    means = np.array([planted.training[planted.labels == c].mean(axis=0) for c in range(CLASSES)])
    return means, planted.training - means[planted.labels]


@pytest.mark.parametrize(("training", "width"), [(600, 12), (40, 12), (20, 30)])
def test_scikit_learn_has_the_same_distances_to_class_means(training: int, width: int) -> None:
    planted = Planted(1, training, width)
    means, left = deviations(planted)
    fit = LedoitWolf(assume_centered=True).fit(left)
    assert np.allclose(shrunk_covariance(left), fit.covariance_)
    wanted = np.min([fit.mahalanobis(planted.features - mean) for mean in means], axis=0)
    assert np.allclose(mahalanobis(planted.features, planted.training, planted.labels), wanted)
    centre = planted.training.mean(axis=0)
    every = LedoitWolf(assume_centered=True).fit(planted.training - centre)
    wanted = wanted - every.mahalanobis(planted.features - centre)
    assert np.allclose(mahalanobis(planted.features, planted.training, planted.labels, relative=True), wanted)


def test_with_many_training_images_nothing_is_shrunk() -> None:
    planted = Planted(2, training=40_000, width=6)
    means, left = deviations(planted)
    fit = EmpiricalCovariance(assume_centered=True).fit(left)
    wanted = np.min([fit.mahalanobis(planted.features - mean) for mean in means], axis=0)
    assert mahalanobis(planted.features, planted.training, planted.labels) == pytest.approx(wanted, rel=0.01)


def test_distances_to_planted_means_are_chi_square() -> None:
    """A point at the true mean plus a step: its squared distance is non-central chi-square, up to the fit."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(2), 20_000)
    centres = np.array([[0.0] * 5, [40.0] * 5])
    training = centres[labels] + rng.normal(0, 1, (40_000, 5))
    for step in (0.0, 3.0):
        shown = centres[0] + step * np.eye(5)[0] + rng.normal(0, 1, (4000, 5))
        found = mahalanobis(shown, training, labels)
        for share in (0.1, 0.5, 0.9):
            assert np.mean(found < ncx2.ppf(share, 5, step**2 + 1e-12)) == pytest.approx(share, abs=0.025)


def test_scikit_learn_has_the_same_tenth_neighbours() -> None:
    planted = Planted(3)
    unit, fitted = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (planted.features, planted.training))
    distances, _ = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(fitted).kneighbors(unit)
    assert np.allclose(nearest_neighbour(planted.features, planted.training), distances[:, -1], atol=1e-7)
    lengths = np.random.default_rng(0).uniform(0.1, 9, (len(unit), 1))
    assert np.allclose(nearest_neighbour(lengths * unit, fitted), distances[:, -1], atol=1e-7)


@pytest.mark.parametrize("width", [12, 13])
def test_the_virtual_logit_is_its_definition_with_the_true_last_layer(width: int) -> None:
    planted = Planted(4, width=width)
    origin = -np.linalg.pinv(planted.layer.T) @ planted.bias
    moved = planted.training - origin
    values, vectors = np.linalg.eig(EmpiricalCovariance(assume_centered=True).fit(moved).covariance_)
    residual = vectors[:, np.argsort(-values)[width // 2 :]]
    training_logits, logits = planted.logits(planted.training), planted.logits(planted.features)
    alpha = training_logits.max(axis=1).mean() / np.linalg.norm(moved @ residual, axis=1).mean()
    wanted = alpha * np.linalg.norm((planted.features - origin) @ residual, axis=1) - logsumexp(logits, axis=1)
    found = virtual_logit(planted.features, logits, planted.training, training_logits)
    assert np.allclose(found, wanted, atol=1e-8)


@pytest.mark.parametrize("score", ["mahalanobis", "relative_mahalanobis", "knn", "vim"])
def test_planted_outliers_are_found(score: str) -> None:
    planted = Planted(5)
    outcomes = planted.outcomes()
    value = auroc.metric(score=score)(outcomes).value  # type: ignore[arg-type]
    assert value == pytest.approx(roc_auc_score(planted.outlying, scores_of(outcomes, score)))  # type: ignore[arg-type]
    assert value > 0.8
    assert value > auroc.metric(score="msp")(outcomes).value + 0.05


def test_mahalanobis_does_not_depend_on_how_features_are_turned() -> None:
    planted = Planted(6)
    turn = np.linalg.qr(np.random.default_rng(0).normal(0, 1, (WIDTH, WIDTH)))[0]
    turned = mahalanobis(planted.features @ turn * 7, planted.training @ turn * 7, planted.labels)
    assert np.allclose(turned, mahalanobis(planted.features, planted.training, planted.labels))


def test_features_that_depend_on_each_other_and_a_dead_one_have_distances() -> None:
    planted = Planted(7)

    def with_copies(features: np.ndarray) -> np.ndarray:
        return np.column_stack([features, features[:, :3], np.zeros(len(features))])

    found = mahalanobis(with_copies(planted.features), with_copies(planted.training), planted.labels)
    assert np.isfinite(found).all()
    assert roc_auc_score(planted.outlying, found) > 0.9


def test_what_cannot_be_fitted_is_said() -> None:
    planted = Planted(8)
    with pytest.raises(Unmeasurable, match=r"^the features of training images of a class are all the same$"):
        mahalanobis(planted.features, planted.means[planted.labels].astype(np.float32), planted.labels)
    with pytest.raises(Unmeasurable, match=r"^fewer than 10 training images$"):
        nearest_neighbour(planted.features, planted.training[:9])
    flat = np.pad(planted.training[:, :4], ((0, 0), (0, 8)))
    for training, logits in (
        (flat, planted.logits(flat) + 100),
        (planted.training, planted.logits(planted.training) - 100),
    ):
        with pytest.raises(Unmeasurable, match=r"^training images have no residual features, or no positive logits"):
            virtual_logit(planted.features, planted.logits(planted.features), training, logits)
    outcomes = planted.outcomes()
    assert outcomes.features is not None
    outcomes.features[3, 0] = np.nan
    with pytest.raises(Unmeasurable, match=r"^features of 1 of 300 examples are not finite$"):
        auroc.metric(score="knn")(outcomes)
    with pytest.raises(Unmeasurable, match=r"^no training images$"):
        auroc.metric(score="knn")(replace(outcomes, reference=outcomes.reference.rows(np.zeros(600, bool))))  # type: ignore[union-attr]
