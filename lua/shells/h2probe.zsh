
# The words of a command: ids of cases, part by part, and files.
_h2probe_ids() {
  local -a ids
  ids=(${(f)"$(_call_program ids h2probe list --ids ${1:+--testing $1} 2>/dev/null)"})
  _wanted cases expl case _multi_parts -i / ids
}

# The command behind --, if the cursor is there.
_h2probe_tail() {
  local -i at=${words[(i)--]}
  (( at < CURRENT )) || return 1
  words=("${(@)words[at + 1, -1]}")
  (( CURRENT -= at ))
  _normal
  return 0
}

_h2probe_words() {
  local ret=1
  case $words[1] in
    client) _h2probe_tail && return 0 ;;
  esac
  case $words[1] in
    @CASES@) _h2probe_ids && ret=0 ;;
    @SERVER_CASES@) _h2probe_ids server && ret=0 ;;
    @CLIENT_CASES@) _h2probe_ids client && ret=0 ;;
  esac
  case $words[1] in
    @TAKES_FILES@) _files -g '*.(lua|json)(-.)' && ret=0 ;;
  esac
  return ret
}

# FORMAT or FORMAT=FILE
_h2probe_reports() {
  if compset -P '*='; then
    _files
  else
    local -a formats=(@FORMATS@)
    _describe format formats -S ''
  fi
}

# Found on fpath this file is the function; from a start-up file it only defines it.
if [[ $funcstack[1] == _h2probe ]]; then
  _h2probe "$@"
else
  compdef _h2probe h2probe
fi
