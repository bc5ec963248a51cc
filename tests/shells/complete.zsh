# complete.zsh SCRIPT LINE: the line as a real zsh leaves it after TAB; the shell runs on a terminal of its own.
zmodload zsh/zpty || exit 77
directory=$(mktemp -d)
trap 'zpty -d z 2>/dev/null; rm -rf $directory' EXIT
print -r -- '
PS1= PS2= RPS1=
autoload -Uz compinit && compinit -u -D
source '${(q)1}'
show() { zle complete-word; print -r -- "<<<$BUFFER>>>"; exit 0 }
zle -N show
bindkey "^I" show
' > $directory/.zshrc
zpty z "ZDOTDIR=$directory TERM=dumb zsh -d -i"
zpty -w -n z "$2"$'\t'
zpty -r z output '*<<<*>>>*' || exit 1
output=${output##*<<<}
print -r -- ${output%%>>>*}
