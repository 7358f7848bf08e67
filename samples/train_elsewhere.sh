#!/usr/bin/env bash
# Trains on another machine, for example on a GPU rented for some hours.
#
#   train_elsewhere.sh pack DATA PARTS [SIZE]
#       here: packs the folder DATA into files of at most SIZE (default 60M) with checksums, in the folder PARTS
#   train_elsewhere.sh run PARTS RECIPE OUT [options of skelstream train, such as --start FILE]
#       there, from a checkout: checks and unpacks the parts, trains, evaluates, and writes results to OUT
#
# The training checkpoint stays in OUT/run: the same command continues from it.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die() {
    echo "train_elsewhere: $*" >&2
    exit 1
}

usage() {
    sed -n '4,7s/^# *//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

sums() {
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

pack() {
    local data=$1 parts=$2 size=${3:-60M} tar=(tar -ch)
    [[ -d $data ]] || die "$data: no such folder"
    [[ ! -e $parts || (-d $parts && -z $(ls -A "$parts")) ]] || die "$parts exists and is not an empty folder"
    mkdir -p "$parts"
    [[ $(cd "$parts" && pwd -P)/ != "$(cd "$data" && pwd -P)"/* ]] || die "$parts is in $data and would be packed too"
    export LC_ALL=C # order the parts by the bytes of their names
    # GNU tar makes equal parts of equal files anywhere, so that no part is sent twice.
    if [[ $(tar --version) == *GNU* ]]; then
        tar+=(--sort=name --owner=0 --group=0 --numeric-owner --mtime=@946684800 '--mode=u=rwX,go=rX')
    fi
    "${tar[@]}" -f - -C "$data" . | split -b "$size" - "$parts/data.tar.part-"
    (cd "$parts" && sums data.tar.part-* >SHA256SUMS) # last: without it, packing was interrupted
    echo "packed in $(wc -l <"$parts/SHA256SUMS") parts: $parts"
}

check() {
    local parts=$1 bad
    [[ -f $parts/SHA256SUMS ]] || die "$parts: no SHA256SUMS; the parts are incomplete"
    bad=$(cd "$parts" && LC_ALL=C sums --check --quiet SHA256SUMS 2>/dev/null) ||
        die "$parts: missing or damaged: $(echo "${bad:-SHA256SUMS}" | sed 's/: FAILED.*//' | paste -sd ' ' -)"
}

unpack() {
    local parts=$1 data=$2 name
    [[ ! -d $data ]] || return 0
    echo "unpacking to $data"
    rm -rf "$data.partial"
    mkdir "$data.partial"
    while read -r _ name; do cat "$parts/$name"; done <"$parts/SHA256SUMS" | tar -xf - -C "$data.partial"
    mv "$data.partial" "$data"
}

# Sets `python` to one that has skelstream; -P ignores sources in the current folder.
find_python() {
    local tool
    tool=$(type -P skelstream || true)
    for python in "$(dirname "$(readlink -f "${tool:-/}")")/python" python3 "$root/.venv/bin/python"; do
        if "$python" -Pc "import skelstream.cli" 2>/dev/null; then return; fi
    done
    echo "installing to $root/.venv"
    # Use the machine's packages: its torch fits its GPU.
    python3 -m venv --system-site-packages "$root/.venv"
    "$python" -m pip install --quiet "$root"
}

skelstream() {
    "$python" -Pc "from skelstream.cli import main; main()" "$@"
}

# Runs skelstream eval on the recipe's evaluation set, as in training: evaluate RECIPE DATA WEIGHTS [options].
evaluate() {
    "$python" -P - "$@" <<'END'
import sys
from pathlib import Path

from skelstream.cli import main
from skelstream.training.recipe_file import find_recipe, read_recipe

recipe, data, weights, *options = sys.argv[1:]
settings = read_recipe(find_recipe(recipe), Path(data))
evaluation = settings.evaluation
options += ["--refiner", weights] if settings.needs_detection else ["--weights", weights, "--refine", "0"]
options += ["--annotations", str(evaluation.annotations), "--images", str(evaluation.images), "--size", str(evaluation.size)]
if evaluation.limit:
    options += ["--limit", str(evaluation.limit)]
sys.argv[1:] = ["eval", *options]
main()
END
}

train_and_evaluate() {
    local data=$1 recipe=$2 out=$3 device=auto previous="" word figures
    shift 3
    for word; do
        [[ $previous != --device ]] || device=$word
        [[ $word != --device=* ]] || device=${word#*=}
        previous=$word
    done
    [[ ! -f $out/run/last.ckpt ]] || set -- "$@" --resume
    skelstream train "$recipe" "$@" --data "$data" -o "$out/run"
    if [[ ! -f $out/run/best.safetensors ]]; then
        echo "the recipe has no evaluation set: no evaluation"
        return
    fi
    # Torch, as in training, whatever else is installed.
    figures=$(evaluate "$recipe" "$data" "$out/run/best.safetensors" --device "$device" --runtime torch \
        --report "$out/evaluation.md" --overwrite --json)
    echo "$figures" >"$out/evaluation.json"
}

# Copies results, also of an interrupted run.
copy_results() {
    local name
    for name in best.safetensors weights.safetensors scores.csv losses.csv curves.png; do
        [[ ! -f $out/run/$name ]] || cp "$out/run/$name" "$out/$name"
    done
    # Remove an evaluation of earlier weights than the present best ones.
    [[ $out/evaluation.json -nt $out/run/best.safetensors ]] || rm -f "$out"/evaluation.*
}

run() {
    local parts=$1 recipe=$2 data
    out=${3%/}
    shift 3
    check "$parts"
    parts=$(cd "$parts" && pwd)
    data=$parts-$(sums "$parts/SHA256SUMS" | cut -c 1-12)
    mkdir -p "$out"
    trap copy_results EXIT
    # tee ignores Ctrl-C and SIGTERM, so that the last lines of the run are kept.
    {
        unpack "$parts" "$data"
        find_python
        train_and_evaluate "$data" "$recipe" "$out" "$@"
    } 2>&1 | (trap "" INT TERM && exec tee -a "$out/log.txt")
    echo "results: the files in $out, without $out/run"
}

case ${1:-} in
    pack) (($# == 3 || $# == 4)) || usage ;;
    run) (($# >= 4)) || usage ;;
    *) usage ;;
esac
"$@"
