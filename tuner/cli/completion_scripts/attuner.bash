# source <(attuner completion bash)
_attuner() {
    local line=${COMP_LINE:0:COMP_POINT} words=() word last done="" candidate
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    last=$((${#words[@]} - 1))
    word=${words[last]}
    case $word in
        [\"\']*) word=${word:1} ;;
        # bash itself keeps what stands before the last of these characters
        *) [[ $COMP_WORDBREAKS == *=* ]] && done=${word%"${word##*[=:]}"} ;;
    esac
    words[last]=$word
    COMPREPLY=()
    while IFS= read -r candidate; do
        [[ $candidate == *[=./,] ]] || candidate+=" "
        COMPREPLY+=("${candidate#"$done"}")
    done < <("${words[0]}" complete-words "${words[@]:1}" 2> /dev/null)
}
complete -o nospace -F _attuner attuner
