"""The files in cluster/deploy: what they start is what their readers accept, and the SLURM script runs for real."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.fanout import CODE_MIB, check_size
from stages.snapshot import snapshot

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "cluster/deploy"
LAUNCHERS = ("ray-cluster.yaml", "ray-cluster-aws.yaml")
MANIFESTS = ("rayjob.yaml", "raycluster.yaml")

# Fields of KubeRay's v1 API (ray-operator/apis/ray/v1/*_types.go), those marked required first.
CLUSTER = (
    {"headGroupSpec"},
    {"workerGroupSpecs", "rayVersion", "enableInTreeAutoscaling", "autoscalerOptions", "suspend"},
)
HEAD = ({"rayStartParams", "template"}, {"serviceType", "headService", "enableIngress"})
WORKERS = (
    {"groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"},
    {"replicas", "numOfHosts", "scaleStrategy"},
)
JOB = (
    {"entrypoint", "rayClusterSpec"},
    {
        "activeDeadlineSeconds", "backoffLimit", "submitterPodTemplate", "metadata", "clusterSelector", "suspend",
        "submitterConfig", "runtimeEnvYAML", "submissionMode", "entrypointResources", "entrypointNumCpus",
        "entrypointNumGpus", "ttlSecondsAfterFinished", "shutdownAfterJobFinishes",
    },
)  # fmt: skip
SCALING = (
    set[str](),
    {"resources", "image", "imagePullPolicy", "env", "envFrom", "volumeMounts", "idleTimeoutSeconds"},
)
CONTAINER = (
    {"name", "image", "resources"},
    {"command", "args", "workingDir", "env", "envFrom", "ports", "volumeMounts", "lifecycle", "imagePullPolicy"},
)


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text())
    return content


@pytest.mark.parametrize("name", LAUNCHERS)
def test_the_launchers_own_schema_takes_it(name: str) -> None:
    from ray.autoscaler._private.util import fillout_defaults, prepare_config, validate_config

    config = load(name)
    filled = prepare_config(config) if config["provider"]["type"] == "local" else fillout_defaults(config)
    validate_config(filled)
    assert filled["head_node_type"] in filled["available_node_types"]
    broken = {**filled, "max_worker": 3}
    with pytest.raises(Exception, match="max_worker"):
        validate_config(broken)


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_starts_nodes_with_the_environment_and_leaves_the_store_at_home(name: str) -> None:
    config = load(name)
    for command in (config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]):
        assert command.startswith(". ~/diffprog/cluster.env && ray start --")
    assert {".git", ".venv", "store"} <= set(config["rsync_exclude"])
    text = (DEPLOY / name).read_text()
    assert "RAY_ADDRESS=auto dvc repro" in text
    assert "DIFFPROG_STORE" in text


def fits(given: dict[str, Any], fields: tuple[set[str], set[str]], where: str) -> None:
    required, optional = fields
    assert required <= set(given), f"{where}: lacks {required - set(given)}"
    assert set(given) <= required | optional, f"{where}: does not know {set(given) - required - optional}"


def containers(template: dict[str, Any], where: str) -> Iterator[dict[str, Any]]:
    for container in template["spec"]["containers"]:
        fits(container, CONTAINER, where)
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", container["name"])
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert requests["memory"] == limits["memory"]  # else the kernel kills what Ray thinks it has
        for amount in (*requests.values(), *limits.values()):
            assert re.fullmatch(r"\d+(m|[KMG]i)?", amount)
        yield container


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_has_the_fields_of_kuberays_api(name: str) -> None:
    manifest = load(name)
    assert manifest["apiVersion"] == "ray.io/v1"
    assert manifest["kind"] == {"rayjob.yaml": "RayJob", "raycluster.yaml": "RayCluster"}[name]
    assert set(manifest) == {"apiVersion", "kind", "metadata", "spec"}
    cluster = manifest["spec"]
    if name == "rayjob.yaml":
        fits(cluster, JOB, "spec")
        assert "dvc repro" in cluster["entrypoint"]
        (submitter,) = containers(cluster["submitterPodTemplate"], "submitter")
        assert {"name": "RAY_AUTH_MODE", "value": "token"} in submitter["env"]
        cluster = cluster["rayClusterSpec"]
    fits(cluster, CLUSTER, "cluster")
    fits(cluster["autoscalerOptions"], SCALING, "autoscaler")
    fits(cluster["headGroupSpec"], HEAD, "head")
    import ray

    assert cluster["rayVersion"] == ray.__version__
    templates = [cluster["headGroupSpec"]["template"]]
    for group in cluster["workerGroupSpecs"]:
        fits(group, WORKERS, "workers")
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        templates.append(group["template"])
    for spec in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in spec["rayStartParams"].values())
    for template in templates:
        for container in containers(template, "pod"):
            named = {variable["name"] for variable in container["env"]}
            assert {"RAY_AUTH_MODE", "RAY_ADDRESS", "DIFFPROG_STORE", "MLFLOW_TRACKING_URI"} <= named
            assert container["envFrom"] == [{"secretRef": {"name": "diffprog"}}]


@pytest.mark.parametrize("path", sorted(DEPLOY.iterdir()), ids=lambda path: path.name)
def test_no_secret_stands_in_a_file_and_authentication_stays_on(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"(PASSWORD|SECRET_ACCESS_KEY|AUTH_TOKEN)\s*[=:]\s*[\"']?[A-Za-z0-9]", text)
    assert "RAY_AUTH_MODE" in text or path.name == "ray-cluster-aws.yaml"
    assert not re.search(r"RAY_AUTH_MODE[=: ,a-z]*disabled", text)


def test_the_image_has_what_dvc_depends_on() -> None:
    copied = " ".join(line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("COPY"))
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    sources = {dep.partition("/")[0] for stage in stages for dep in stage["deps"]}
    made = {out.partition("/")[0] for stage in stages for out in (*stage["outs"],) if isinstance(out, str)}
    for name in sources - made - {"retry.json"}:
        assert re.search(rf"\b{re.escape(name)}\b", copied), name
    assert "--constraint constraints.txt" in (DEPLOY / "Dockerfile").read_text()


def test_the_code_that_is_sent_to_workers_is_small() -> None:
    with snapshot() as code:
        assert check_size(code) < 5 * 2**20 < CODE_MIB * 2**20
        assert not [path for path in code.rglob("*") if path.name in (".git", "store", "__pycache__")]


def test_the_slurm_script_is_bash() -> None:
    subprocess.run(["bash", "-n", str(DEPLOY / "slurm.sh")], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(DEPLOY / "slurm.sh")], check=True)


SRUN = """#!/usr/bin/env bash
# Runs the command here, as if on the node it names; two "nodes" are one machine.
while [[ $1 == --* ]]; do echo "$1" >> "$CALLS"; shift; done
if [[ $1 == hostname ]]; then echo 127.0.0.1; exit; fi
echo "$@" >> "$CALLS"
exec "$@"
"""
SCONTROL = """#!/usr/bin/env bash
printf 'n1\\nn2\\n'
"""
DVC = """#!/usr/bin/env bash
export ARGUMENTS="$*"
exec {python} -c '
import os, time
from cluster.fanout import fanout
import ray
ray.init(log_to_driver=False)
deadline = time.monotonic() + 90
while ray.cluster_resources().get("CPU", 0) < 4 and time.monotonic() < deadline: time.sleep(0.5)
print("nodes", len(ray.nodes()), "cpus", ray.cluster_resources()["CPU"])
print("store", os.environ["DIFFPROG_STORE"], "arguments", os.environ["ARGUMENTS"])
print(sorted(result.value for result in fanout(divmod, [7, 8], total=2, shared=2)))
'
"""


@pytest.mark.cluster
@pytest.mark.timeout(300)
def test_the_slurm_script_starts_a_head_and_a_worker_and_the_sweep(tmp_path: Path) -> None:
    for name, content in (("srun", SRUN), ("scontrol", SCONTROL), ("dvc", DVC.format(python=sys.executable))):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "DIFFPROG_"))},
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DIFFPROG_HOME": str(tmp_path),
        "CALLS": str(tmp_path / "calls"),
        "SLURM_JOB_NODELIST": "n[1-2]",
        "SLURM_JOB_ID": str(free_port() % 10000),
        "SLURM_CPUS_PER_TASK": "2",
    }
    command = ["bash", str(DEPLOY / "slurm.sh")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nodes 2 cpus 4.0" in done.stdout
    assert f"store {tmp_path}/store arguments repro" in done.stdout
    assert "[(3, 1), (4, 0)]" in done.stdout
    calls = (tmp_path / "calls").read_text()
    assert calls.count("--nodelist=n1") == 2
    assert calls.count("--nodelist=n2") == 1
    left = subprocess.run(["pgrep", "-f", f"127.0.0.1:{20000 + int(environment['SLURM_JOB_ID'])}"], check=False)
    assert left.returncode == 1, "nodes are left"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
