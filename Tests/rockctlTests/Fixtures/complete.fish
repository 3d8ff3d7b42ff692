# complete.fish SCRIPT LINE: what fish offers when Tab is pressed behind LINE, one candidate a line.
source $argv[1]
complete -C $argv[2] | string replace -r '\t.*' ''
