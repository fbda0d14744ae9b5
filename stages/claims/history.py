"""When the audit was fixed, as far as git and the runs' records can tell."""

import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stages import documents
from stages.artifacts import PARAMS
from stages.study.preregistration import Preregistered, preregistered


def history(fixed: Preregistered, made_with: Iterable[Mapping[str, Any]], params: Path = PARAMS) -> dict[str, Any]:
    """The commit since which params.yaml has had this audit (`commit` and `date`; empty where there is none), the file
    as it was last committed (`blob`; it may ask for more runs than it did then, by the same audit), how many runs were
    trained from each commit (`runs`), whether all of those hold that commit (`before_first_run`; None where that can't
    be told), and all of it in words (`said`).

    made_with: of every trained run, the environment that is recorded with it.
    """
    runs = Counter(str(each.get("commit", "")) for each in made_with)
    found: dict[str, Any] = {"commit": "", "date": "", "blob": "", "runs": dict(sorted(runs.items()))}
    commits = _fixing(fixed, params)
    if commits is None:
        said = "the commit that fixed them is not known: no commit of params.yaml here has this audit"
        return found | {"before_first_run": None, "said": said}
    commit, date, blob = commits
    before = _before(commit, runs)
    total, short = sum(runs.values()), f"fixed in commit {commit[:12]} of {date}"
    said = {
        True: f"{short}, which was there when each of the {total} runs was trained, by the commits recorded with them",
        False: f"{short}, which was not there yet when some of the {total} runs were trained",
        None: f"{short}; whether that was before the first run can't be told from the commits recorded with the runs",
    }[before]
    return found | {"commit": commit, "date": date, "blob": blob, "before_first_run": before, "said": said}


def committed(path: Path, blob: str) -> bytes:
    """The file as it was committed, or, where it was not, as it is."""
    return _git_bytes("cat-file", "blob", blob) if blob else path.read_bytes()


def _fixing(fixed: Preregistered, params: Path) -> tuple[str, str, str] | None:
    """The oldest commit since which each version of the file has this audit: hash and date; and the hash of the file as
    it was last committed.
    """
    try:
        name = _git("ls-files", "--full-name", "--error-unmatch", str(params))
        commits = _git("log", "--format=%H %cI", "--", str(params)).splitlines()
        blob = _git("rev-parse", f"HEAD:{name}")
    except (OSError, subprocess.CalledProcessError):
        return None
    found = None
    for line in commits:
        commit, date = line.split()
        try:
            own = _git("rev-parse", f"{commit}:{name}")
        except subprocess.CalledProcessError:  # the file was removed there
            break
        if _digest_of(_git_bytes("cat-file", "blob", own), list(fixed.options["tasks"])) != fixed.digest:
            break
        found = commit, date, blob
    return found


def _digest_of(content: bytes, tasks: list[str]) -> str:
    """The digest of the audit of these tasks in a params.yaml; empty where it has none."""
    try:
        return preregistered(documents.loads(content).content.get("audit") or {}, tasks).digest
    except (documents.NotYaml, AttributeError, KeyError, TypeError, ValueError):
        return ""


def _before(commit: str, runs: Mapping[str, int]) -> bool | None:
    """Whether every run's commit is this one or descends from it."""
    if not runs or "" in runs:
        return None
    codes = {_status("merge-base", "--is-ancestor", commit, each) for each in runs}
    return True if codes == {0} else False if codes <= {0, 1} else None


def _git(*arguments: str) -> str:
    return _git_bytes(*arguments).decode().strip()


def _git_bytes(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], capture_output=True, check=True).stdout


def _status(*arguments: str) -> int:
    return subprocess.run(["git", *arguments], capture_output=True, check=False).returncode
