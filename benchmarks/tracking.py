"""MLflow as its users meet it: how long runs take to be logged and read back, and how long its pages take to open.

    python benchmarks/tracking.py                       # 300 runs of 60 metrics, each with 340 parts, on SQLite
    python benchmarks/tracking.py --pages 168           # and the run list and the compare view of 168 runs in Chromium
    python benchmarks/tracking.py --pages 168 --database mlflow.db --experiment glyphs   # of a study that is there

The pages are served by `mlflow ui` on loopback, and opened by a Chromium without a window that is told to wait until
the page says the name of the last run or, in the compare view, of one of its metrics; the pictures are kept in
`--pictures`.
"""

import argparse
import base64
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket
from mlflow import MlflowClient

from stages.tracking import Tracking
from stages.tracking_run import Data, Described
from stages.tracking_values import COLUMNS, Values

METRICS = (COLUMNS - 1) // 2  # whole values, each with its error: with the loss and one more value there are 60
PARTS, POINTS = 340, 24
ATTEMPTS = 3  # of each page, the first with nothing in any cache


def measured(rng: random.Random) -> Values:
    """Values of a run, of its end."""
    names = [f"condition_{number // 4}/metric_{number % 4}" for number in range(METRICS + 1)]
    found = {name: rng.random() for name in names}
    found |= {f"standard_error/{name}": rng.random() / 50 for name in names[:METRICS]}
    found |= {f"n/{name}": 100.0 for name in names}
    found |= {f"{names[0]}/kind_{number // 5}/{number % 5}": rng.random() for number in range(PARTS)}
    return Values({155: found}, {155: {"train": [json.dumps({"torch": "2", "processor": "one of several"})]}})


def described(number: int, rng: random.Random) -> Described:
    """A run as `measure` describes it."""
    params = {"method": f"method-{number % 7}", "model": f"model-{number % 21}", "seed": 0}
    params |= {f"training.option_{each}": each for each in range(8)}
    data = [Data(f"vision/part-{each}", f"{each:064x}", 100, "evaluation") for each in range(16)]
    curve = [(step * 6, rng.random()) for step in range(1, POINTS + 1)]
    tags = {f"versions.{name}": "1.0" for name in "abcdef"} | {"processor": "one of several", "git.commit": "0" * 40}
    return Described(f"k{number}", f"method-{number % 7}/{number}", params, tags, 5.0, time.time(), curve, data)


def logging(runs: int) -> None:
    """Print how long runs take to be logged, read back, and found to be there."""
    rng = random.Random(0)
    every = [(described(number, rng), measured(rng)) for number in range(runs)]
    tracking = Tracking("benchmark", "p")
    for words in ("logged", "logged again, with nothing to do"):
        began = time.perf_counter()
        for run, values in every:
            tracking.log(run, values)
        tracking.settle()
        print(f"{runs} runs of {len(every[0][1].columns()) + 1} metrics {words}: {time.perf_counter() - began:.1f} s")
        tracking = Tracking("benchmark", "p")
    began = time.perf_counter()
    held = tracking.read()
    print(f"read back and checked: {time.perf_counter() - began:.1f} s")
    assert {key: held[key, values.digest].values.digest for key, values in ((run.run_key, v) for run, v in every)} == {
        run.run_key: values.digest for run, values in every
    }


@contextmanager
def served(database: Path) -> Iterator[str]:
    """The address of `mlflow ui`, until the block ends."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{database.resolve()}"]
    variables = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as server:
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"{address}/health", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.5)
            yield address
        finally:
            os.killpg(server.pid, 15)


class Page:
    """A page of a Chromium without a window, spoken to by its debugging protocol."""

    def __init__(self, profile: Path):
        chromium = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run"]
        flags += ["--remote-allow-origins=*", "--window-size=1600,1000", "--disable-background-networking"]
        self.process = subprocess.Popen(
            [chromium, *flags, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        said = profile / "DevToolsActivePort"
        while not said.exists():
            time.sleep(0.1)
        port = said.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            (target,) = [each for each in json.load(answer) if each["type"] == "page"]
        self.socket = websocket.create_connection(target["webSocketDebuggerUrl"], timeout=120)
        self.sent = 0

    def ask(self, method: str, **parameters: Any) -> Any:
        """What the browser answers."""
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.sent:
                return answer.get("result", answer)

    def opened(self, address: str, script: str, limit: float = 60) -> float:
        """The seconds until a script says true on the page at an address."""
        self.ask("Page.navigate", url="about:blank")
        began = time.perf_counter()
        self.ask("Page.navigate", url=address)
        while time.perf_counter() < began + limit:
            found = self.ask("Runtime.evaluate", expression=f"Boolean({script})", returnByValue=True)
            if found.get("result", {}).get("value") is True:
                return time.perf_counter() - began
            time.sleep(0.05)
        return float("inf")

    def picture(self, path: Path) -> None:
        """A PNG of what is to be seen."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """End the browser."""
        self.socket.close()
        self.process.terminate()
        self.process.wait()


def pages(database: Path, experiment: str, runs: int, pictures: Path) -> None:
    """Print how long the run list takes to open, and the compare view of so many runs."""
    client = MlflowClient(f"sqlite:///{database.resolve()}")
    (number,) = [found.experiment_id for found in client.search_experiments() if found.name == experiment]
    found = list(client.search_runs([number], "tags.run_key LIKE '%'", max_results=1000))
    whole = [run for run in found if run.data.metrics][:runs]
    names = [run.info.run_id for run in whole]
    asked = urllib.parse.urlencode({"runs": json.dumps(names), "experiments": json.dumps([number])})
    metrics = json.dumps([name for name in whole[-1].data.metrics if "/" in name])
    columns = {name for run in found for name in run.data.metrics}
    print(f"{len(found)} runs, {len(columns)} metrics; compared are {len(whole)}")
    text = "document.body.innerText"
    wanted = {
        "run list": (f"experiments/{number}/runs", f"{text}.includes('Run Name')&&/ago/.test({text})"),
        "compare view": (
            f"compare-runs?{asked}",
            f"{metrics}.some((each) => document.body.textContent.includes(each))",
        ),
    }
    pictures.mkdir(parents=True, exist_ok=True)
    with served(database) as address, tempfile.TemporaryDirectory() as profile:
        page = Page(Path(profile))
        for name, (where, script) in wanted.items():
            seconds = [page.opened(f"{address}/#/{where}", script) for _ in range(ATTEMPTS)]
            print(f"{name}: {', '.join(f'{each:.1f} s' for each in seconds)}")
            time.sleep(3)
            page.picture(pictures / f"{name.replace(' ', '_')}.png")
        page.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--pages", type=int, default=0, metavar="RUNS")
    parser.add_argument("--database", type=Path)
    parser.add_argument("--experiment", default="benchmark")
    parser.add_argument("--pictures", type=Path, default=Path(tempfile.gettempdir()) / "mlflow-pages")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = chosen.database or Path(folder, "mlflow.db")
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{database.resolve()}"
        if not chosen.database:
            logging(chosen.runs)
        if chosen.pages:
            pages(database, chosen.experiment, chosen.pages, chosen.pictures)


if __name__ == "__main__":
    main()
