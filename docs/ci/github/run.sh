#!/usr/bin/env bash
# run.sh: the second step of action.yml. Makes the words of `h2probe run` from the inputs and runs it. For bash 3.2 as well.
set -uo pipefail

words=(run)

option() {
    [[ -z $2 ]] || words+=("$1" "$2")
}

report() {
    [[ -n $2 ]] || return 0
    mkdir -p "$(dirname "$2")"
    words+=(--report "$1=$2")
}

[[ -z $INPUT_URL ]] || words+=("$INPUT_URL")
option --server-cmd "$INPUT_SERVER_CMD"
option --expect "$INPUT_EXPECT"
words+=(--report console)
report junit "$INPUT_JUNIT"
report json "$INPUT_JSON"
report html "$INPUT_HTML"
if [[ $INPUT_ARGS == *[![:space:]]* ]]; then
    # xargs knows the quotes of a shell and executes nothing.
    if ! split=$(xargs -n 1 printf '%s\n' <<<"$INPUT_ARGS" 2>/dev/null); then
        echo "::error title=h2probe::args: a quote is not closed: $INPUT_ARGS"
        exit 2
    fi
    while IFS= read -r word; do
        words+=("$word")
    done <<<"$split"
fi

"$INPUT_PROGRAM" "${words[@]}"
status=$?
echo "status=$status" >>"$GITHUB_OUTPUT"
exit $status
