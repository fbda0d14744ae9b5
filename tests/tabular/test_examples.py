"""Rows as they are shown, and streams of them."""

import re

import numpy as np

from pipelines.metrics import alarm_in_time
from pipelines.showing import Side
from pipelines.supervised.classifier import Classifier
from pipelines.tabular import domain, examples, running
from pipelines.tabular.data import Dataset


def test_an_alarm_in_time_is_what_the_metric_counts(flows: Dataset, classifier: Classifier) -> None:
    condition = {"use": "alarm", "options": {"streams": 30}}
    streams = domain.examples(condition, flows)
    outcomes = running.predict(condition, classifier, streams, 0)
    judged = examples.judge(condition, outcomes)
    assert judged is not None
    assert judged.good.mean() == alarm_in_time.metric()(outcomes).value
    shown = examples.done(condition, streams, Side(outcomes, lambda: classifier, 0), np.arange(30), {})
    for row, each in enumerate(shown):
        late = outcomes.values["alarm_at"][row] - outcomes.values["change_at"][row]
        assert (f"alarm {late:.0f} rows after attacks begin" in each.words) == (0 <= late < 40)


def test_a_series_is_drawn_as_it_was_seen_with_its_hour(series: Dataset) -> None:
    split = series.splits["test"]
    picture = examples._row("up", split.rows[3], ("down", "flat", "up"))
    (steps,) = re.findall(r'<path class="ink" d="M([^"]+)"', picture.drawing)
    heights = np.array([float(point.split()[1]) for point in steps.split("L")])
    seen = split.rows[3][:6]
    expected = 3 + 28 * (seen.max() - seen) / np.ptp(seen)
    assert np.allclose(heights, expected, atol=0.06)
    hours = {picture.words for picture in (examples._row("up", row, ("down", "flat", "up")) for row in split.rows)}
    assert hours == {f"next: up; hour {hour}" for hour in range(8)}


def test_attacks_of_unseen_families_pass_or_are_flagged(flows: Dataset, classifier: Classifier) -> None:
    condition = {"use": "unseen", "options": {}}
    rows = domain.examples(condition, flows)
    outcomes = running.predict(condition, classifier, rows, 0)
    judged = examples.judge(condition, outcomes)
    assert judged is not None
    about = domain.describe(flows)
    attacks = np.flatnonzero(outcomes.labels < 0)
    shown = examples.done(condition, rows, Side(outcomes, lambda: classifier, 0), attacks, about)
    assert [each.words.endswith("flagged") for each in shown] == (judged.good[attacks] == 1).tolist()
    given = examples.given(condition, rows, outcomes, attacks, about)
    assert {each.words for each in given} == {"outlier: tunnel", "outlier: spray", "outlier: miner"}
