/// Completion for bash 4 and newer, with nothing else installed.
enum BashCompletions {
    static func script(_ places: [CompletionPlace]) -> String {
        """
        # bash completion for rockctl; load it with: source <(rockctl completions bash)

        # What may follow at place $1: commands, options, and the kind of its other words.
        __rockctl_place() {
            commands= options= kinds=
            case $1 in
        \(lines(places.map(place)))
            *) return 1 ;;
            esac
        }

        # The kind of the value that option $2 takes at place $1; fails if it takes none.
        __rockctl_value() {
            case "$1 $2" in
        \(lines(places.flatMap(values)))
            *) return 1 ;;
            esac
        }

        # Adds to COMPREPLY what kind $1 offers for the word $2.
        __rockctl_offer() {
            local name
            case $1 in
            files) compopt -o filenames; while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen -f -- "$2") ;;
            @sandboxes) __rockctl_offer "$(rockctl sandbox list --quiet --no-trunc 2>/dev/null)" "$2" ;;
            directories) compopt -o filenames; while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen -d -- "$2") ;;
            *) while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen -W "$1" -- "$2") ;;
            esac
        }

        _rockctl() {
            local words=() at=rockctl commands options kinds kind i
            COMPREPLY=()
            # Not COMP_WORDS: bash would cut the words at every colon and equals sign.
            read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
            [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=("")
            local last=$((${#words[@]} - 1))
            local current=${words[last]} previous=${words[last - 1]}
            for ((i = 1; i < last; i++)); do
                __rockctl_place "$at ${words[i]}" && at+=" ${words[i]}"
            done
            __rockctl_place "$at"

            if kind=$(__rockctl_value "$at" "$previous"); then
                __rockctl_offer "$kind" "$current"
            elif [[ $current == --*=* ]] && kind=$(__rockctl_value "$at" "${current%%=*}"); then
                __rockctl_offer "$kind" "${current#*=}"
                current=${current#*=}
            elif [[ $current == -* ]]; then
                __rockctl_offer "$options" "$current"
            else
                # What is completed by asking, each in turn; then all that are words.
                for kind in $kinds; do
                    case $kind in
                    files | directories | @*) __rockctl_offer "$kind" "$current" ;;
                    *) commands+=" $kind" ;;
                    esac
                done
                __rockctl_offer "$commands" "$current"
            fi

            # Readline replaces only what stands behind the last character at which it breaks words.
            if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
                COMPREPLY=("${COMPREPLY[@]#"${current%"${current##*:}"}"}")
            fi
        }

        complete -F _rockctl rockctl

        """
    }

    private static func place(_ place: CompletionPlace) -> String {
        let options = place.options.flatMap { [$0.spelling] + ($0.letter.map { ["-\($0)"] } ?? []) }
        let kinds = place.words.map(kind).filter { !$0.isEmpty }
        return """
            \(quoted(place.path))) commands=\(quoted(place.commands.map(\.name).joined(separator: " "))) \
            options=\(quoted(options.joined(separator: " "))) kinds=\(quoted(kinds.joined(separator: " "))) ;;
            """
    }

    private static func values(_ place: CompletionPlace) -> [String] {
        place.options.compactMap { option in
            guard let value = option.value else { return nil }
            let spellings = [option.spelling] + (option.letter.map { ["-\($0)"] } ?? [])
            let patterns = spellings.map { quoted("\(place.path) \($0)") }.joined(separator: " | ")
            return "\(patterns)) echo \(quoted(kind(value.completion))) ;;"
        }
    }

    /// The words to offer, or the name of a kind that bash itself completes.
    private static func kind(_ completion: Completion) -> String {
        switch completion {
        case .nothing, .commands: ""
        case .files: "files"
        case .directories: "directories"
        case .sandboxes: "@sandboxes"
        case .words(let words): words.joined(separator: " ")
        }
    }

    private static func lines(_ lines: [String]) -> String { lines.map { "    " + $0 }.joined(separator: "\n") }
    private static func quoted(_ text: String) -> String { rockctl.quoted(text, escape: #"'\''"#) }
}
