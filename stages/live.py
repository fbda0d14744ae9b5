"""Trainings logged to MLflow as they end, beside the work: a sweep that is running shows what has finished."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

from stages import artifacts
from stages.artifacts import RUN
from stages.described import described, plan_digest
from stages.errors import TrackingError
from stages.making.models import with_fate
from stages.records import Run, Training
from stages.store.store import Store
from stages.tracking import Tracking


class Live:
    """Logs in a thread of its own, so that a slow server keeps no worker waiting. What MLflow does not take is said
    once, and stops no training: `measure` logs every run.
    """

    def __init__(self, runs: Iterable[Run], data: Mapping[str, Any], store: Store):
        every = list(runs)
        self.runs = {run.training: run for run in every if run.role == RUN}
        self.plan = plan_digest((run.key for run in every), data)
        self.data, self.store = data, store
        self.began = time.time()
        self.tracking: Tracking | None = None
        self.silent = False
        self.thread = ThreadPoolExecutor(1)
        self.sent: list[Future[None]] = [self.thread.submit(self._log, None)]

    def __enter__(self) -> "Live":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.thread.shutdown(wait=True, cancel_futures=error is not None)
        for each in self.sent if error is None else ():
            each.result()  # raises what went wrong in the thread

    def ended(self, training: Training) -> None:
        """Log a training, whose entry or failure is in the store; of a sibling model nothing."""
        if training.run.sibling is None:
            self.sent.append(self.thread.submit(self._log, self.runs[training.run.training]))

    def _log(self, run: Run | None) -> None:
        """Log a run, or that the plan has begun."""
        if self.silent:
            return
        try:
            if self.tracking is None:
                self.tracking = Tracking(artifacts.study_name(), self.plan, self.began)
                _ = self.tracking.parent
            if run is None:
                return
            entry = self.store.entry("runs", run.key)
            facts = entry.facts if entry else self.store.failure("runs", run.key)
            self.tracking.log(described(with_fate(run, entry, self.store), run.splits, self.data, facts or {}))
        except TrackingError as error:
            self.silent = True
            print(f"{error}; no run is shown there before `measure`, which logs them all")
