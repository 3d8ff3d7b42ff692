/// Completion for zsh, as a function to autoload or a script to source.
enum ZshCompletions {
    static func script(_ places: [CompletionPlace]) -> String {
        """
        #compdef rockctl
        # zsh completion for rockctl; put it into a directory of fpath as _rockctl, or source it after compinit

        # Offers the value that option $2 takes at place $1; fails if it takes none.
        __rockctl_value() {
            case "$1 $2" in
        \(lines(places.flatMap(values)))
            *) return 1 ;;
            esac
            return 0
        }

        # What may follow at place $1.
        __rockctl_place() {
            commands=() options=() offers=()
            case $1 in
        \(lines(places.map(place)))
            *) return 1 ;;
            esac
        }

        _rockctl() {
            local at=rockctl word offer
            local -a commands options offers
            for word in "${(@)words[2,CURRENT-1]}"; do
                __rockctl_place "$at $word" && at+=" $word"
            done
            __rockctl_place "$at"

            if ((CURRENT > 2)) && __rockctl_value "$at" "${words[CURRENT-1]}"; then
                return
            elif [[ ${words[CURRENT]} == --*=* ]]; then
                word=${words[CURRENT]%%=*}
                compset -P '*='
                __rockctl_value "$at" "$word"
            elif [[ ${words[CURRENT]} == -* ]]; then
                _describe -o option options
            else
                ((${#commands})) && _describe command commands
                for offer in "${offers[@]}"; do eval "$offer"; done
            fi
        }

        if [[ ${funcstack[1]} == _rockctl ]]; then
            _rockctl "$@"
        else
            compdef _rockctl rockctl
        fi

        """
    }

    private static func place(_ place: CompletionPlace) -> String {
        let commands = place.commands.map { quoted("\($0.name):\($0.summary)") }
        let options = place.options.flatMap { option in
            ([option.spelling] + (option.letter.map { ["-\($0)"] } ?? [])).map { quoted("\($0):\(option.summary)") }
        }
        let offers = place.words.compactMap(offer).map(quoted)
        return """
            \(quoted(place.path)))
                    commands=(\(commands.joined(separator: " ")))
                    options=(\(options.joined(separator: " ")))
                    offers=(\(offers.joined(separator: " "))) ;;
            """
    }

    private static func values(_ place: CompletionPlace) -> [String] {
        place.options.compactMap { option in
            guard let value = option.value else { return nil }
            let spellings = [option.spelling] + (option.letter.map { ["-\($0)"] } ?? [])
            let patterns = spellings.map { quoted("\(place.path) \($0)") }.joined(separator: " | ")
            return "\(patterns)) \(offer(value.completion) ?? "_message \(quoted(value.name))") ;;"
        }
    }

    /// The call that offers `completion`.
    private static func offer(_ completion: Completion) -> String? {
        switch completion {
        case .nothing, .commands: nil
        case .files: "_files"
        case .directories: "_files -/"
        case .sandboxes: #"compadd -- ${(f)"$(rockctl sandbox list --quiet --no-trunc 2>/dev/null)"}"#
        case .words(let words): "compadd -- " + words.map(quoted).joined(separator: " ")
        }
    }

    private static func lines(_ lines: [String]) -> String { lines.map { "    " + $0 }.joined(separator: "\n") }
    private static func quoted(_ text: String) -> String { rockctl.quoted(text, escape: #"'\''"#) }
}
