"""Flip rates: loops over films, constant answers, frames that go together, frames that are not there."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipelines.metrics import flip_rate
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

Build = Callable[..., Outcomes]
CLASSES = 4


@pytest.fixture(scope="session")
def of_films(outcomes_of: Build) -> Build:
    """Outcomes with these answers [films, frames]; frames are compared with the one before, or with the first."""

    def build(answers: np.ndarray, with_first: bool = False) -> Outcomes:
        films, frames = answers.shape
        frame = np.tile(np.arange(frames), films)
        other = np.where(frame == 0, -1, 0 if with_first else frame - 1)
        outcomes = outcomes_of(np.eye(CLASSES)[answers.ravel()], np.zeros(answers.size))
        recorded = {"frame": frame.astype(np.float32), "compared_with": other.astype(np.float32)}
        return replace(outcomes, examples=np.repeat(np.arange(films), frames), values=recorded)

    return build


def test_a_loop_over_films_agrees(of_films: Build) -> None:
    answers = np.random.default_rng(0).integers(0, CLASSES, (30, 6))
    steady = np.mean([film[k] != film[k - 1] for film in answers for k in range(1, 6)])
    noisy = np.mean([film[k] != film[0] for film in answers for k in range(1, 6)])
    found = flip_rate.metric()(of_films(answers))
    assert found.value == pytest.approx(steady)
    assert found.n == 150
    assert flip_rate.metric()(of_films(answers, with_first=True)).value == pytest.approx(noisy)


def test_a_constant_answer_never_flips_and_alternating_ones_always(of_films: Build) -> None:
    assert flip_rate.metric()(of_films(np.full((5, 4), 2))) == Measured(0.0, 0.0, 15)
    assert flip_rate.metric()(of_films(np.tile([0, 1, 0, 1], (5, 1)))) == Measured(1.0, 0.0, 15)
    assert flip_rate.metric()(of_films(np.tile([0, 1, 0, 1], (5, 1)), with_first=True)).value == pytest.approx(2 / 3)


def test_order_is_irrelevant(of_films: Build) -> None:
    outcomes = of_films(np.random.default_rng(1).integers(0, CLASSES, (20, 5)))
    shuffled = outcomes.rows(np.random.default_rng(2).permutation(100))  # type: ignore[arg-type]
    first, other = flip_rate.metric()(outcomes), flip_rate.metric()(shuffled)
    assert (first.value, first.n) == (other.value, other.n)
    assert first.standard_error == pytest.approx(other.standard_error)


def test_the_same_example_in_two_parts_is_two_films(of_films: Build) -> None:
    answers = np.array([[0, 0, 0], [1, 2, 3]])
    outcomes = replace(of_films(answers), examples=np.zeros(6, dtype=int), parts=np.repeat([0, 1], 3))
    assert flip_rate.metric()(outcomes).value == pytest.approx(0.5)


def test_the_standard_error_is_the_spread_over_films_whose_frames_go_together(of_films: Build) -> None:
    rng = np.random.default_rng(3)
    runs = []
    for _ in range(500):
        restless = rng.beta(0.5, 2, (60, 1))
        answers = (rng.random((60, 8)) < restless).cumsum(axis=1) % CLASSES
        found = flip_rate.metric()(of_films(answers))
        assert found.influence is not None
        assert np.sqrt(found.influence @ found.influence) == pytest.approx(found.standard_error, rel=0.02)
        runs.append((found.value, found.standard_error))
    values, errors = np.array(runs, dtype=float).T
    assert errors.mean() == pytest.approx(values.std(), rel=0.1)


def test_frames_whose_other_is_not_there_do_not_enter(of_films: Build) -> None:
    outcomes = of_films(np.array([[0, 1, 1], [2, 2, 3]]))
    kept = outcomes.rows(np.array([False, True, True, True, True, True]))
    found = flip_rate.metric()(kept)
    assert (found.value, found.standard_error) == pytest.approx((1 / 3, 2 / 9))
    assert found.n == 3
    with pytest.raises(Unmeasurable, match=r"^no examples that are compared with another frame$"):
        flip_rate.metric()(outcomes.rows(outcomes.values["frame"] == 0))


def test_one_film_has_no_standard_error(of_films: Build) -> None:
    assert flip_rate.metric()(of_films(np.array([[0, 1, 1]]))) == Measured(0.5, None, 2)
