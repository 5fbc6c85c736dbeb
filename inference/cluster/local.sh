#!/usr/bin/env bash
# Run a program as several processes that share one fit: on this machine, or one on each of several hosts over ssh.
#
#   inference/cluster/local.sh -n 2 python inference/large_survey.py --config survey.toml
#   inference/cluster/local.sh -H node1,node2 python inference/large_survey.py --config survey.toml
#
#   -n N        so many processes on this machine
#   -H A,B,...  one process on each host instead; the first is where the others find each other, so use its real name.
#               All need this folder at the same path, and ssh without a password.
#   -p PORT     of the first process, free there; by default one at random
#
# Lines of output begin with the number of their process. Where one fails, the others are ended. Needs bash 4.3.
set -euo pipefail

usage() { sed -n '2,/^set /s/^#\( \|$\)//p' "$0"; exit "$1"; }

count="" hosts=() port=$((20000 + RANDOM % 20000))
while getopts "n:H:p:h" option; do
  case $option in
    n) count=$OPTARG ;;
    H) IFS=, read -ra hosts <<<"$OPTARG"; count=${#hosts[@]} ;;
    p) port=$OPTARG ;;
    h) usage 0 ;;
    *) usage 2 >&2 ;;
  esac
done
shift $((OPTIND - 1))
[[ $count =~ ^[1-9][0-9]*$ && $# -gt 0 ]] || usage 2 >&2

pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT
for ((k = 0; k < count; k++)); do
  place=(LUXJAX_COORDINATOR="${hosts[0]:-127.0.0.1}:$port" LUXJAX_PROCESSES="$count" LUXJAX_PROCESS="$k")
  run=(env "${place[@]}" "$@")
  if ((${#hosts[@]})); then # with a terminal, so that the program there ends with its ssh
    run=(ssh -tt -o BatchMode=yes "${hosts[k]}" "cd $(printf %q "$PWD") && $(printf '%q ' "${run[@]}")")
  fi
  (exec > >(sed -u "s/^/[$k] /") 2>&1 </dev/null; exec "${run[@]}") &
  pids+=($!)
done
for ((k = 0; k < count; k++)); do
  wait -n || exit $?
done
