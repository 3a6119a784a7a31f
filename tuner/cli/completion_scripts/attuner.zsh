#compdef attuner
# source <(attuner completion zsh), after compinit
_attuner() {
    local -a candidates
    candidates=("${(@f)$(attuner complete-words "${(@)words[2,CURRENT-1]}" "$PREFIX" 2> /dev/null)}")
    compadd -S '' -- ${(M)candidates:#*[=./,]}
    compadd -- ${candidates:#*[=./,]}
}
compdef _attuner attuner
