#!/usr/bin/env bash
# Run a sweep on all nodes of a SLURM allocation, from the folder of tools/:
#   sbatch --nodes=2 --gpus-per-node=4 tools/slurm_sweep.sh CONFIG --grid ... --out DIR
# Arguments are those of tools/sweep.py. Two minutes before the time limit, the runs are
# stopped cleanly; the same sbatch continues the sweep. PYTHON and RAY name the
# environment's commands, PORT the port of Ray on the first node.
#SBATCH --job-name=sweep
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --signal=B:TERM@120
#SBATCH --output=slurm-%j.log
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: sbatch --nodes=N $0 CONFIG [OPTIONS]" >&2; exit 2; }
cd "${SLURM_SUBMIT_DIR:-$PWD}" # SLURM runs a copy of this file in another folder
export RAY_USAGE_STATS_ENABLED=0

nodes=${SLURM_JOB_NUM_NODES:-1}
# The batch script runs on the first node, on which Ray starts the driver.
address="$(hostname):${PORT:-6379}"
driver=$(mktemp) # its process

srun --nodes="$nodes" --ntasks="$nodes" \
  "${RAY:-ray}" symmetric-run --address "$address" --min-nodes "$nodes" \
  ${SLURM_CPUS_ON_NODE:+--num-cpus="$SLURM_CPUS_ON_NODE"} -- \
  bash -c 'echo $$ > "$0"; exec "$@"' "$driver" \
  "${PYTHON:-python}" tools/sweep.py "$@" --address "$address" &
cluster=$!
stopping=
trap 'stopping=1; kill -TERM "$(cat "$driver")" 2>/dev/null || kill -TERM "$cluster"' TERM
code=0
wait "$cluster" || code=$?
if [ -n "$stopping" ]; then # the signal ended wait, not the sweep
  code=0
  wait "$cluster" || code=$?
fi
rm -f "$driver"
exit "$code"
