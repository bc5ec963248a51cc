# complete.bash SCRIPT LINE: what bash offers at the end of a line, one a line, by the function that `complete` names.
source "$1"
line=$2
# Words as readline makes them: = and : are words of their own.
COMP_WORDS=()
for word in $line; do
    while [[ $word == *[=:]* ]]; do
        before=${word%%[=:]*}
        [[ -n $before ]] && COMP_WORDS+=("$before")
        COMP_WORDS+=("${word:${#before}:1}")
        word=${word:${#before}+1}
    done
    [[ -n $word ]] && COMP_WORDS+=("$word")
done
[[ $line == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_LINE=$line
COMP_POINT=${#line}
compopt() { :; }
function=$(complete -p h2probe)
function=${function##*-F }
"${function%% *}" h2probe "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
