# attuner completion fish | source
function __attuner_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    attuner complete-words $words[2..-1] "$word" 2> /dev/null
end
complete -c attuner -f -a '(__attuner_complete)'
