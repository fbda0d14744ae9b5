"""`diffprog certify`: one verdict as a zip that anyone can verify, with NumPy alone."""

import argparse
from pathlib import Path

from analysis.schema import TableError
from stages.claims.certificate import certificate
from stages.claims.chosen import verdict
from stages.terminal import say

EXAMPLES = {
    "diffprog certify adversarial attacks --out claim.zip": "the verdict on a method in an area",
    "diffprog certify mixup calibration --task series --out claim.zip": "of the task that is named",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`METHOD AREA [--task TASK] --out FILE`."""
    parser.description = (
        "One verdict with the outcomes, the plan, the margins and the fate of every planned run that it rests on, and "
        "a verifier that derives it again: `python claim.zip`."
    )
    parser.add_argument("method")
    parser.add_argument("area", help="as the report names it")
    parser.add_argument("--task", help="where several tasks have such a verdict")
    parser.add_argument("--out", type=Path, required=True, help="the zip to write")


def run(chosen: argparse.Namespace) -> int:
    """Write the certificate, after its own verifier has accepted it, and print what that says."""
    content, said = certificate(verdict(chosen.method, chosen.area, chosen.task))
    try:
        chosen.out.write_bytes(content)
    except OSError as error:
        raise TableError(f"{chosen.out}: cannot be written: {error.strerror}") from error
    say("\n".join(said))
    say(f"{chosen.out}, {len(content) / 2**20:.1f} MiB: `python {chosen.out}` verifies it anywhere, with NumPy alone")
    return 0
