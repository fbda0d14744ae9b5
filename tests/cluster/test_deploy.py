"""The files in cluster/deploy: what they start is what their readers accept, and the SLURM script runs for real."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import models
from kubernetes.utils.quantity import parse_quantity
from ruamel.yaml import YAML

from cluster.connection import CODE_MIB, check_size
from stages.store.code_snapshot import snapshot
from tests.cluster.conftest import free_port

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "cluster/deploy"
LAUNCHERS = ("ray-cluster.yaml", "ray-cluster-aws.yaml")
MANIFESTS = ("rayjob.yaml", "raycluster.yaml")

# The fields of the custom resources of KubeRay 1.6.2 (docs/reference/api.md of that release), each with its type; those
# of Kubernetes itself have the names of its client's models.
KUBERAY = {
    "RayJobSpec": {
        "activeDeadlineSeconds": "int", "backoffLimit": "int", "clusterSelector": "Dict[str, str]",
        "entrypoint": "str", "entrypointNumCpus": "float", "entrypointNumGpus": "float", "entrypointResources": "str",
        "jobId": "str", "managedBy": "str", "metadata": "Dict[str, str]", "preRunningDeadlineSeconds": "int",
        "rayClusterSpec": "RayClusterSpec", "runtimeEnvYAML": "str", "shutdownAfterJobFinishes": "bool",
        "submissionMode": "str", "submitterConfig": "SubmitterConfig", "submitterPodTemplate": "V1PodTemplateSpec",
        "suspend": "bool", "ttlSecondsAfterFinished": "int",
    },
    "RayClusterSpec": {
        "authOptions": "AuthOptions", "autoscalerOptions": "AutoscalerOptions", "enableInTreeAutoscaling": "bool",
        "headGroupSpec": "HeadGroupSpec", "headServiceAnnotations": "Dict[str, str]", "managedBy": "str",
        "rayVersion": "str", "suspend": "bool", "workerGroupSpecs": "List[WorkerGroupSpec]",
    },
    "AuthOptions": {"enableK8sTokenAuth": "bool", "mode": "str", "secretName": "str"},
    "AutoscalerOptions": {
        "env": "List[V1EnvVar]", "envFrom": "List[V1EnvFromSource]", "idleTimeoutSeconds": "int", "image": "str",
        "imagePullPolicy": "str", "resources": "V1ResourceRequirements", "securityContext": "V1SecurityContext",
        "upscalingMode": "str", "version": "str", "volumeMounts": "List[V1VolumeMount]",
    },
    "HeadGroupSpec": {
        "enableIngress": "bool", "headService": "V1Service", "labels": "Dict[str, str]",
        "rayStartParams": "Dict[str, str]", "resources": "Dict[str, str]", "serviceType": "str",
        "template": "V1PodTemplateSpec",
    },
    "WorkerGroupSpec": {
        "groupName": "str", "idleTimeoutSeconds": "int", "labels": "Dict[str, str]", "maxReplicas": "int",
        "minReplicas": "int", "rayStartParams": "Dict[str, str]", "replicas": "int", "resources": "Dict[str, str]",
        "suspend": "bool", "template": "V1PodTemplateSpec",
    },
    "SubmitterConfig": {"backoffLimit": "int"},
}  # fmt: skip
REQUIRED = {
    "HeadGroupSpec": {"rayStartParams", "template"},
    "RayClusterSpec": {"headGroupSpec"},
    "WorkerGroupSpec": {"groupName", "maxReplicas", "minReplicas", "rayStartParams", "template"},
}
SCALARS = {"str": (str,), "bool": (bool,), "int": (int,), "float": (int, float), "object": (str, int)}


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe").load(DEPLOY / name)
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


def fits(value: Any, kind: str, where: str) -> None:
    """That a part of a manifest is of this type, its fields too."""
    if kind in SCALARS:
        assert type(value) in SCALARS[kind], f"{where}: {value!r} is not {kind}"
    elif kind.startswith("Dict["):
        for name, each in value.items():
            fits(each, kind.removeprefix("Dict[str, ").removesuffix("]"), f"{where}.{name}")
    elif kind.startswith("List["):
        for number, each in enumerate(value):
            fits(each, kind.removeprefix("List[").removesuffix("]"), f"{where}[{number}]")
    else:
        fields, required = KUBERAY.get(kind), REQUIRED.get(kind, set())
        if fields is None:
            model = getattr(models, kind)
            fields = {model.attribute_map[name]: each for name, each in model.openapi_types.items()}
        assert required <= set(value), f"{where}: lacks {required - set(value)}"
        for name, each in value.items():
            assert name in fields, f"{where}: {kind} has no {name}"
            fits(each, fields[name], f"{where}.{name}")
        if kind not in KUBERAY:  # the client checks what is required and the values of enumerations
            model(**{name: value.get(model.attribute_map[name]) for name in model.openapi_types})


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_has_the_fields_of_kuberays_and_kubernetes_api(name: str) -> None:
    manifest = load(name)
    assert set(manifest) == {"apiVersion", "kind", "metadata", "spec"}
    assert manifest["apiVersion"] == "ray.io/v1"
    assert manifest["kind"] == {"rayjob.yaml": "RayJob", "raycluster.yaml": "RayCluster"}[name]
    fits(manifest["metadata"], "V1ObjectMeta", "metadata")
    fits(manifest["spec"], f"{manifest['kind']}Spec", "spec")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("authOptions", "modus"), "token"),
        (("headGroupSpec", "rayStartParams", "num-cpus"), 0),
        (("workerGroupSpecs", 0, "minReplicas"), "0"),
        (("headGroupSpec", "template", "spec", "containers", 0, "env", 0), {"value": "x"}),
        (("headGroupSpec", "template", "spec", "containers", 0, "imagename"), "x"),
        (("headGroupSpec", "template", "spec", "restartPolicy"), 3),
    ],
)
def test_a_wrong_field_would_be_seen(path: tuple[str | int, ...], value: Any) -> None:
    spec = load("raycluster.yaml")["spec"]
    part = spec
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    with pytest.raises((AssertionError, ValueError)):
        fits(spec, "RayClusterSpec", "spec")


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_starts_a_cluster_with_a_token_the_store_and_the_tracking_server(name: str) -> None:
    import ray

    cluster = load(name)["spec"]
    if name == "rayjob.yaml":
        assert "dvc repro" in cluster["entrypoint"]
        cluster = cluster["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["rayVersion"] == ray.__version__
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        named = {variable["name"] for variable in container["env"]}
        assert named == {"RAY_ADDRESS", "DIFFPROG_STORE", "MLFLOW_TRACKING_URI"}
        assert container["envFrom"] == [{"secretRef": {"name": "diffprog"}}]
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert requests["memory"] == limits["memory"]  # else the kernel kills what Ray thinks it has
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", container["name"])
        assert all(parse_quantity(amount) > 0 for amount in (*requests.values(), *limits.values()))


@pytest.mark.parametrize("path", sorted(DEPLOY.iterdir()), ids=lambda path: path.name)
def test_no_secret_stands_in_a_file_and_authentication_stays_on(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"(PASSWORD|SECRET_ACCESS_KEY|AUTH_TOKEN)\s*[=:]\s*[\"']?[A-Za-z0-9]", text)
    assert re.search("RAY_AUTH_MODE|authOptions", text) or path.name == "ray-cluster-aws.yaml"
    assert not re.search(r"RAY_AUTH_MODE[=: ,a-z]*disabled", text)


def test_the_image_has_what_dvc_depends_on() -> None:
    copied = " ".join(line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("COPY"))
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].values()
    sources = {dep.partition("/")[0] for stage in stages for dep in stage["deps"]}
    outs = [out for stage in stages for out in (*stage["outs"], *stage.get("metrics", ()))]
    made = {name.partition("/")[0] for out in outs for name in ([out] if isinstance(out, str) else out)}
    for name in sources - made:
        assert re.search(rf"\b{re.escape(name)}\b", copied), name
    for line in copied.split("COPY")[1:]:
        *copied_from, _ = line.split()
        assert [name for name in copied_from if not (ROOT / name).exists()] == []
    assert "--constraint constraints.txt" in (DEPLOY / "Dockerfile").read_text()


def test_the_code_that_is_sent_to_workers_is_small() -> None:
    with snapshot([]) as code:
        assert check_size(code) < 5 * 2**20 < CODE_MIB * 2**20
        assert not [path for path in code.rglob("*") if path.name in (".git", "__pycache__")]
        assert not (code / "store").exists()


def test_the_slurm_script_is_bash() -> None:
    subprocess.run(["bash", "-n", str(DEPLOY / "slurm.sh")], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(DEPLOY / "slurm.sh")], check=True)


SRUN = """#!/usr/bin/env bash
# Runs the command here, as if on the node it names; two "nodes" are one machine.
while [[ $1 == --* ]]; do echo "$1" >> "$CALLS"; shift; done
echo "$SRUN_CPUS_PER_TASK CPUs" >> "$CALLS"
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
    assert calls.count("2 CPUs") == 3
    left = subprocess.run(["pgrep", "-f", f"127.0.0.1:{20000 + int(environment['SLURM_JOB_ID'])}"], check=False)
    assert left.returncode == 1, "nodes are left"
