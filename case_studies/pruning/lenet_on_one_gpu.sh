#!/usr/bin/env bash
# Prune LeNet by every method on one GPU, data set by data set, with the lasso's fits, which need
# processors and not the GPU, beside the networks of the other methods.
#
#   bash case_studies/pruning/lenet_on_one_gpu.sh DATA OUT [options of stacked_runs]
#
# DATASETS and SEEDS choose among all; AT_ONCE lasso fits run side by side, each with up to 17 GB of
# the GPU's memory beside 50 GB of the rest, and none with AT_ONCE=0; PYTHON is the interpreter.
# What is told is in OUT/logs. The same command goes on where it was stopped.
set -euo pipefail
data=$1 out=$2
shift 2
mkdir -p "$out/logs"
run() { # LOG, then options
    local log=$out/logs/$1
    shift
    "${PYTHON:-python3}" -m case_studies.pruning.stacked_runs \
        --data "$data" --out "$out" "$@" >> "$log" 2>&1 && return
    tail -n 1 "$log" >&2
    return 1
}
lasso() { # data set, then options: as many seeds at once as AT_ONCE says
    local name=$1 seed fit fits=()
    shift
    [ "${AT_ONCE:-5}" -gt 0 ] || return 0
    for seed in $seeds; do
        while [ "$(jobs -rp | wc -l)" -ge "${AT_ONCE:-5}" ]; do sleep 1; done
        run "$name-lasso-$seed" "$@" --datasets "$name" --seeds "$seed" --kept-seeds 0 \
            --stages lasso &
        fits+=($!)
    done
    for fit in "${fits[@]}"; do wait "$fit"; done
}
seeds=${SEEDS:-100 101 102 103 104}
root=$(cd "$(dirname "$0")/../.." && pwd)
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
trap 'trap - TERM; kill 0' INT TERM
for name in ${DATASETS:-fashion_mnist cifar10}; do
    # shellcheck disable=SC2086
    own=(--datasets "$name" --seeds $seeds)
    run "$name-pretrain" "$@" "${own[@]}" --stages pretrain
    lasso "$name" "$@" &
    fits=$!
    run "$name-main" "$@" "${own[@]}" --stages main
    run "$name-strong" "$@" "${own[@]}" --stages tuning strong
    wait "$fits"
    run "$name-overlaps" "$@" "${own[@]}" --stages overlaps
done
run join --join
