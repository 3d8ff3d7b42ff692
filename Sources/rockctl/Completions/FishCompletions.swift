/// Completion for fish 3 and newer.
enum FishCompletions {
    static func script(_ places: [CompletionPlace]) -> String {
        """
        # fish completion for rockctl; save it as ~/.config/fish/completions/rockctl.fish

        # Whether the words before the cursor lead to the place that the arguments name.
        function __rockctl_at
            set -l at rockctl
            for word in (commandline -opc)[2..-1]
                if contains -- "$at $word" \(places.dropFirst().map { quoted($0.path) }.joined(separator: " "))
                    set at "$at $word"
                end
            end
            test "$at" = "$argv"
        end

        complete -c rockctl -f
        \(places.flatMap(lines).joined(separator: "\n"))

        """
    }

    private static func lines(_ place: CompletionPlace) -> [String] {
        let start = "complete -c rockctl -n \(quoted("__rockctl_at \(place.path)"))"
        let commands = place.commands.map { "\(start) -a \(quoted($0.name)) -d \(quoted($0.summary))" }
        let options = place.options.map { option in
            start + (option.letter.map { " -s \($0)" } ?? "") + " -l \(option.name)"
                + (option.value.map { value($0.completion) } ?? "") + " -d \(quoted(option.summary))"
        }
        return commands + options + place.words.compactMap(words).map { start + $0 }
    }

    /// The arguments for an option that takes `completion`.
    private static func value(_ completion: Completion) -> String {
        switch completion {
        case .nothing, .commands: " -x"
        case .files: " -rF"
        case .directories: " -xa '(__fish_complete_directories)'"
        case .sandboxes: " -xa '(rockctl sandbox list --quiet --no-trunc 2>/dev/null)'"
        case .words(let words): " -xa \(quoted(words.joined(separator: " ")))"
        }
    }

    /// The arguments for a word that is `completion`.
    private static func words(_ completion: Completion) -> String? {
        switch completion {
        case .nothing, .commands: nil
        case .files: " -F"
        case .directories: " -a '(__fish_complete_directories)'"
        case .sandboxes: " -a '(rockctl sandbox list --quiet --no-trunc 2>/dev/null)'"
        case .words(let words): " -a \(quoted(words.joined(separator: " ")))"
        }
    }

    private static func quoted(_ text: String) -> String {
        rockctl.quoted(
            text.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\\\"), escape: #"\'"#)
    }
}
