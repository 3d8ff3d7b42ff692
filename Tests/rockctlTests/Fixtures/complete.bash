# complete.bash SCRIPT LINE: what bash offers when Tab is pressed behind LINE, one candidate a line.
source "$1"
compopt() { :; } # only readline has options to set
COMP_LINE=$2 COMP_POINT=${#2}
_rockctl
printf '%s\n' "${COMPREPLY[@]}"
