# complete.zsh SCRIPT LINE: what zsh offers when Tab is pressed behind LINE, one candidate a line.

if [[ -o interactive ]]; then
    # The shell in the pseudo-terminal, which sources this file too.
    autoload -Uz compinit && compinit -u -D
    source $1
    compadd() {
        # Calls that only fill an array are completion's own bookkeeping.
        if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
            builtin compadd "$@"
            return
        fi
        local -a found
        builtin compadd -A found "$@"
        local word
        for word in $found; do print -r -- "candidate $word;"; done
        builtin compadd "$@"
    }
    finish() { print finished; exit }
    comppostfuncs=(finish)
    bindkey '^I' complete-word
    print ready
    return
fi

zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; source ${(q)0:A} ${(q)1}"
zpty -r -m shell said '*ready*'
zpty -w -n shell "$2"$'\t'
zpty -r -m shell said '*finished*'
for line in ${(f)said}; do
    [[ $line == *candidate\ *\;* ]] && print -r -- ${${line#*candidate }%%;*}
done
zpty -d shell
