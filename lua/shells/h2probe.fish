
# Ids of cases, part by part: http2/, then http2/settings/, then a case.
function __fish_h2probe_ids
    set -l token (commandline -ct | string replace -r '^--[a-z-]+=' '' | string escape --style=regex)
    h2probe list --ids $argv 2>/dev/null | string replace -r "^($token"'[^/]*/).*' '$1' | sort -u
end

# The command behind --, if the cursor is there.
function __fish_h2probe_tail
    contains -- -- (commandline -opc)
end

function __fish_h2probe_complete_tail
    set -l words (commandline -opc) (commandline -ct)
    set -l at (math 1 + (contains -i -- -- $words))
    complete -C "$words[$at..-1]"
end

for command in @CASES@
    complete -c h2probe -n "__fish_h2probe_seen_command $command" -a '(__fish_h2probe_ids)'
end
for command in @SERVER_CASES@
    complete -c h2probe -n "__fish_h2probe_seen_command $command" -a '(__fish_h2probe_ids --testing server)'
end
for command in @CLIENT_CASES@
    complete -c h2probe -n "__fish_h2probe_seen_command $command; and not __fish_h2probe_tail" \
        -a '(__fish_h2probe_ids --testing client)'
    complete -c h2probe -n "__fish_h2probe_seen_command $command; and __fish_h2probe_tail" \
        -xa '(__fish_h2probe_complete_tail)'
end
complete -c h2probe -n '__fish_h2probe_seen_command completion' -xa 'bash zsh fish'
