/// What bash is told so that it says when a command has ended, and how, over a pipe of its own.
///
/// Nothing is looked for in the output. A command's text lies in a file in memory that bash holds open; a short line typed
/// into the terminal has bash evaluate it at its top level and then report its exit code. The two private descriptors are
/// closed while the text runs, so no program of the user's inherits them. A command that is torn down to the prompt (an
/// interrupt, `${x?}`) never gets to its report; then the next prompt reports. Each line that is typed brings one report.
enum ShellScript {
    /// The numbers of bash's private descriptors: its start-up script, the text to run, the pipe to report to. Bash's own
    /// are 10 and up and 63 and down; scripts like 3 to 9 and round numbers.
    static let scriptDescriptor: Int32 = 57
    static let commandDescriptor: Int32 = 58
    static let reportDescriptor: Int32 = 59

    /// Options that would show or disturb the functions below; each function has its own and gives the user's back.
    private static let quiet = "set +aeuvxET"

    /// The start-up script, in place of `~/.bashrc`, which it reads.
    ///
    /// What may fail because of the user, such as setting a variable that is read-only now, comes behind the report; that
    /// jobs have started is said by bash, that they have ended by the report's function.
    ///
    /// - Parameter sources: Files to source behind it; a missing one is noise on the terminal.
    /// - Returns: Bash source.
    static func startup(sourcing sources: [String]) -> String {
        let lines = sources.map { ". \(quoted($0))" }.joined(separator: "\n")
        // Without a PATH in its environment bash has one of its own, which programs that look for others need as well.
        // PS1 shows nothing, yet is not empty: start-up files leave early where it is, for want of a user.
        return #"""
            if [[ -f ~/.bashrc ]]; then . ~/.bashrc; fi
            \#(lines)
            exec \#(scriptDescriptor)<&-
            unset -v PROMPT_COMMAND PS0 TMOUT
            export PATH
            PS1='\[\]' PS2=
            set +o history
            set +H
            unset -v HISTFILE
            __rock_take() {
                local -; \#(quiet)
                __rock_id=$1; unset -v __rock_told
                IFS= read -r -d '' -u \#(commandDescriptor) __rock_text
                if [[ $__rock_text != "$1 "* ]]; then
                    printf '%s lost 0\n' "$1" >&\#(reportDescriptor)
                    __rock_text=; return 0
                fi
                __rock_text=${__rock_text:${#1}+1}
                if [[ $2 == *x* ]]; then __rock_text="{ set -x; } 2>/dev/null"$'\n'$__rock_text; fi
                return 0
            }
            __rock_tell() {
                local - __rock_code=$?; \#(quiet)
                jobs -nr >/dev/null
                jobs -n
                __rock_told=1
                unset -v __rock_text
                printf '%s ended %s\n' "$__rock_id" "$__rock_code" >&\#(reportDescriptor)
                unset -v PS0
                PS1='\[\]' PS2=
                PROMPT_COMMAND='{ __rock_prompt; } 2>/dev/null'
                return 0
            }
            __rock_prompt() {
                local - __rock_code=$?; \#(quiet)
                if [[ -n ${__rock_told-} ]]; then
                    unset -v __rock_told
                else
                    jobs -nr >/dev/null
                    jobs -n
                    printf '%s prompt %s\n' "${__rock_id-0}" "$__rock_code" >&\#(reportDescriptor)
                fi
                unset -v PS0
                PS1='\[\]' PS2=
                return 0
            }
            PROMPT_COMMAND='{ __rock_prompt; } 2>/dev/null'

            """#
    }

    /// What lies in the file when run `id` is typed.
    static func command(_ text: String, id: Int) -> [UInt8] { Array("\(id) \(text)".utf8) }

    /// The line that has bash run what lies in the file.
    ///
    /// The options are read outside the function, which has its own; tracing is switched on again by the text itself, so
    /// that nothing of this line is traced.
    static func line(id: Int) -> String {
        let begin = "{ __rock_take \(id) \"$-\"; set +x; } 2>/dev/null"
        let run = #"eval "$__rock_text" \#(commandDescriptor)<&- \#(reportDescriptor)>&-"#
        return " \(begin); \(run); { __rock_tell; set +v; } 2>/dev/null\n"
    }

    /// `text` as one word of the shell.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    /// One message of the shell's.
    struct Report: Equatable {
        enum Kind: String {
            /// The text has run to its end.
            case ended
            /// The shell is at its prompt, by another way.
            case prompt
            /// The text could not be read: a command has put something else in the place of the descriptor.
            case lost
        }

        let id: Int
        let kind: Kind
        let code: Int32

        init?(_ line: ArraySlice<UInt8>) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard words.count == 3, let id = Int(words[0]), let kind = Kind(rawValue: String(words[1])),
                let code = Int32(words[2])
            else { return nil }
            self.id = id
            self.kind = kind
            self.code = code
        }
    }
}
