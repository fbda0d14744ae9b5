"""Trainings logged to MLflow as they end, beside the work: a sweep that is running shows what has finished."""

import time
from collections.abc import Iterable, Mapping
from queue import SimpleQueue
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any

from stages import artifacts
from stages.artifacts import RUN
from stages.described import described, plan_digest
from stages.errors import TrackingError
from stages.making.models import with_fate
from stages.records import Run, Training
from stages.store.store import Store

if TYPE_CHECKING:
    from stages.tracking import Tracking

AT_ONCE = 2.0  # seconds of a processor that logging may take at any time,
SHARE = 0.1  # and this share of the time since: it is the processors' that train


class Live:
    """Logs in a thread of its own, so that a slow server keeps no worker waiting. What MLflow does not take is said
    once, and stops no training. Of tiny models more may end than are logged: `measure` logs every run.
    """

    def __init__(self, runs: Iterable[Run], data: Mapping[str, Any], store: Store):
        every = list(runs)
        self.runs = {run.training: run for run in every if run.role == RUN}
        self.plan = plan_digest((run.key for run in every), data)
        self.data, self.store = data, store
        self.began = time.time()
        self.waiting: SimpleQueue[Run | None] = SimpleQueue()
        self.over = Event()
        self.error: BaseException | None = None
        self.thread = Thread(target=self._serve)

    def __enter__(self) -> "Live":
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.over.set()
        while error and not self.waiting.empty():
            self.waiting.get()
        self.waiting.put(None)
        self.thread.join()
        if self.error and not error:
            raise self.error

    def ended(self, training: Training) -> None:
        """Log a training, whose entry or failure is in the store; of a sibling model nothing."""
        if training.run.sibling is None:
            self.waiting.put(self.runs[training.run.training])

    def _serve(self) -> None:
        try:
            self._log_all()
        except TrackingError as error:
            print(f"{error}; no run is shown there before `measure`, which logs them all")
        except BaseException as error:  # raised where the training is waited for
            self.error = error

    def _log_all(self) -> None:
        """Log what ends, for as long as there is time for it, until all has ended."""
        from stages.tracking import Tracking  # MLflow takes seconds to import

        tracking = Tracking(artifacts.study_name(), self.plan, self.began)
        _ = tracking.parent
        began, used = time.monotonic(), time.thread_time()
        while run := self.waiting.get():
            self._log(run, tracking)
            too_long = (time.thread_time() - used - AT_ONCE) / SHARE - (time.monotonic() - began)
            if too_long > 0 and self.over.wait(too_long):
                return

    def _log(self, run: Run, tracking: "Tracking") -> None:
        entry = self.store.entry("runs", run.key)
        facts = entry.facts if entry else self.store.failure("runs", run.key)
        tracking.log(described(with_fate(run, entry, self.store), run.splits, self.data, facts or {}))
