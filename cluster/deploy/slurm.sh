#!/usr/bin/env bash
# A Ray cluster inside a SLURM job, and `dvc repro` on its first node:   sbatch cluster/deploy/slurm.sh
# Killed by the time limit? Submit it again: it goes on from what the store holds.
#SBATCH --job-name=diffprog
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --mem-per-cpu=2G
#SBATCH --time=24:00:00
#SBATCH --output=diffprog-%j.log
set -euo pipefail

cd "${DIFFPROG_HOME:-$SLURM_SUBMIT_DIR}"
if [[ -d .venv/bin ]]; then export PATH="$PWD/.venv/bin:$PATH"; fi
export DIFFPROG_STORE="${DIFFPROG_STORE:-$PWD/store}"  # on a file system that all nodes share, or s3://...
export MLFLOW_TRACKING_URI="${MLFLOW_TRACKING_URI:-sqlite:///$PWD/mlflow.db}"
export OMP_NUM_THREADS=1 RAY_USAGE_STATS_ENABLED=0
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN="${RAY_AUTH_TOKEN:-$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')}"

cpus=${SLURM_CPUS_PER_TASK:-1}
export SRUN_CPUS_PER_TASK=$cpus  # srun does not take it over from sbatch since SLURM 22.05
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')
port=$((20000 + SLURM_JOB_ID % 10000))  # several jobs may share a node
started=()
stop() { if ((${#started[@]})); then kill "${started[@]}" 2>/dev/null || true; wait "${started[@]}" 2>/dev/null || true; fi; }
trap stop EXIT
trap 'exit 143' TERM

srun --nodes=1 --ntasks=1 --nodelist="$head" \
  ray start --head --block --node-ip-address="$address" --port="$port" --num-cpus="$cpus" --include-dashboard=false &
started+=($!)
for ((tries = 60; tries > 0; tries--)); do
  if ray status --address="$address:$port" >/dev/null 2>&1; then break; fi
  if ! kill -0 "${started[0]}" 2>/dev/null; then echo "the head on $head did not start" >&2; exit 1; fi
  sleep 2
done
if ((tries == 0)); then echo "the head on $head does not answer at $address:$port" >&2; exit 1; fi
for node in "${nodes[@]:1}"; do
  srun --nodes=1 --ntasks=1 --nodelist="$node" \
    ray start --block --address="$address:$port" --num-cpus="$cpus" &
  started+=($!)
done

export RAY_ADDRESS="$address:$port"
dvc repro
