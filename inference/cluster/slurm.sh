#!/usr/bin/env bash
# Run a program as several processes that share one fit, on the nodes of a SLURM job.
#
#   sbatch --nodes=4 inference/cluster/slurm.sh python inference/large_survey.py --config survey.toml
#   sbatch --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 inference/cluster/slurm.sh python ...
#
# On CPUs one process for each node uses all its cores; on GPUs start one process for each GPU, as in the second line.
# A job that is requeued goes on from the checkpoint of its fit.
#SBATCH --job-name=luxjax
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=luxjax-%j.log
set -euo pipefail

if (($# == 0)); then
  sed -n '2,/^#SBATCH/{/^#SBATCH/!s/^#\( \|$\)//p}' "$0" >&2
  exit 2
fi
# Every process sees all GPUs of its node and takes the one with its own number (bound ones could not reach each other).
exec srun --label --kill-on-bad-exit=1 ${SLURM_GPUS_ON_NODE:+--gpu-bind=none} \
  ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} "$@"
