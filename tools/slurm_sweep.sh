#!/usr/bin/env bash
# Work on a sweep from a cluster: as many workers as the array has tasks.
#   python tools/sweep.py CONFIG ... --out DIR --workers 0      # writes the sweep down
#   sbatch --array=0-7 --gres=gpu:1 tools/slurm_sweep.sh DIR    # from the same folder
# Further options are those of tools/sweep.py --join. When time is up, each worker ends
# its run in order; the same sbatch goes on.
#SBATCH --job-name=sweep
#SBATCH --signal=B:TERM@120
#SBATCH --output=slurm-%A_%a.log
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: sbatch --array=0-7 $0 DIR [--storage URL]" >&2; exit 2; }
cd "${SLURM_SUBMIT_DIR:-$PWD}" # SLURM runs a copy of this file from another folder
dir=$1
shift

exec "${PYTHON:-python}" tools/sweep.py --join "$dir" --workers 1 "$@"
