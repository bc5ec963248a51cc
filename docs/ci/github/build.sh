#!/usr/bin/env bash
# build.sh: the first step of action.yml. Finds the h2probe that it was given, or builds the one of this repository.
set -euo pipefail

if [[ -n ${INPUT_PROGRAM-} ]]; then
    program=$INPUT_PROGRAM
else
    cd "$GITHUB_ACTION_PATH/../../.."
    ./configure.py --bootstrap --build-only --release --build-dir build-action
    ninja -f build-action/build.ninja build-action/h2probe
    program=$PWD/build-action/h2probe
fi
"$program" --version
echo "program=$program" >>"$GITHUB_OUTPUT"
