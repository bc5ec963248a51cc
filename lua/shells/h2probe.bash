
# What argparse's completions leave out: cases, names of files with blanks, --option=value, the command behind --.
# The command and the option of a value: the name of a file, a word of a selection, anything at all.
_h2probe_is_file() { case "$1" in @FILES@) return 0 ;; esac; return 1; }
_h2probe_is_selection() { case "$1" in @SELECTIONS@) return 0 ;; esac; return 1; }
_h2probe_is_value() { case "$1" in @VALUES@) return 0 ;; esac; return 1; }

_h2probe_files() {
    local IFS=$'\n'
    COMPREPLY=($(compgen -f -- "$1"))
}

# The next part of the ids that go on from $3, of the cases that test $2: http2/, then http2/settings/, then a case.
_h2probe_ids() {
    local id last="" more=1
    while IFS= read -r id; do
        if [[ $id == "$3"*/* ]]; then
            local rest=${id#"$3"}
            if [[ $rest == */* ]]; then id=$3${rest%%/*}/; else more=0; fi
        fi
        [[ $id == "$3"* && $id != "$last" ]] && COMPREPLY+=("$id")
        last=$id
    done < <("$1" list --ids ${2:+--testing "$2"} 2>/dev/null)
    [[ $more == 1 ]] && compopt -o nospace 2>/dev/null
    return 0
}

# The command behind --, whose place is $1.
_h2probe_tail() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
    else
        _h2probe_files "${COMP_WORDS[COMP_CWORD]}"
    fi
}

_h2probe_positional() {
    case "$2" in
        @CASES@) _h2probe_ids "$1" "" "$3" ;;
        @SERVER_CASES@) _h2probe_ids "$1" server "$3" ;;
        @CLIENT_CASES@) _h2probe_ids "$1" client "$3" ;;
        completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$3")) ;;
    esac
    [[ ${#COMPREPLY[@]} == 0 ]] && case "$2" in @TAKES_FILES@) _h2probe_files "$3" ;; esac
    return 0
}

_h2probe_words() {
    local all=("${COMP_WORDS[@]}") at=$COMP_CWORD command=${COMP_WORDS[1]-} i
    COMPREPLY=()
    if [[ $command == client ]]; then
        for ((i = 2; i < at; i++)); do
            [[ ${all[i]} == -- ]] && { _h2probe_tail $((i + 1)); return; }
        done
    fi
    # readline makes "=" a word: --mode = alpn
    local cur=${all[at]} prev=${all[at-1]}
    [[ $cur == "=" ]] && { prev="="; cur=""; all[at]=""; all=("${all[@]:0:at}" "=" ""); at=$((at + 1)); }
    if [[ $prev == "=" && $at -gt 2 ]]; then
        prev=${all[at-2]}
        [[ $prev == -* ]] || { _h2probe_files "$cur"; return; }
        all=("${all[@]:0:at-1}" "$cur")
        at=$((at - 1))
    fi
    if _h2probe_is_file "$command $prev"; then
        _h2probe_files "$cur"
        return
    fi
    if _h2probe_is_selection "$command $prev"; then
        _h2probe_ids "${all[0]}" "" "$cur"
        return
    fi
    local COMP_WORDS COMP_CWORD=$at
    COMP_WORDS=("${all[@]}")
    _h2probe
    if [[ ${#COMPREPLY[@]} == 0 && $cur != -* ]] && ! _h2probe_is_value "$command $prev"; then
        _h2probe_positional "${all[0]}" "$command" "$cur"
    fi
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -o filenames -F _h2probe_words h2probe
