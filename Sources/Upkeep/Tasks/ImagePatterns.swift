import GEM
import Glibc

/// Which images are meant, as docuum takes it: extended regular expressions that are looked for in `repository:tag`.
struct ImagePatterns: Sendable {
    let patterns: [String]

    /// - Throws: ``Failure`` of kind `invalidArgument` that shows the expression that is none.
    init(_ patterns: [String]) throws(Failure) {
        for pattern in patterns {
            guard let expression = Expression(pattern) else {
                throw Failure(.invalidArgument, "'\(pattern)' is no regular expression (POSIX, extended).")
            }
            _ = consume expression
        }
        self.patterns = patterns
    }

    /// Whether one of the patterns is in one of `names`.
    func match(_ names: [String]) -> Bool {
        patterns.contains { pattern in
            guard let expression = Expression(pattern) else { return false }
            return names.contains { expression.matches($0) }
        }
    }

    private struct Expression: ~Copyable {
        private var compiled = regex_t()

        init?(_ pattern: String) {
            guard regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) == 0 else { return nil }
        }

        deinit {
            var compiled = compiled
            regfree(&compiled)
        }

        borrowing func matches(_ text: String) -> Bool {
            withUnsafePointer(to: compiled) { regexec($0, text, 0, nil, 0) == 0 }
        }
    }
}
