import Glibc

/// Which files of a build's folder do not belong to it: the content of a `.dockerignore`.
struct IgnoreRules {
    private let rules: [(pattern: [String], isException: Bool)]

    /// Reads one pattern a line; `!` in front makes an exception, and the last one that fits counts.
    init(_ text: String) {
        rules = text.split(whereSeparator: \.isNewline).compactMap { line in
            var line = Dockerfile.trim(line)
            guard !line.isEmpty, !line.hasPrefix("#") else { return nil }
            let isException = line.hasPrefix("!")
            if isException { line.removeFirst() }
            let parts = line.split(separator: "/").map(String.init).filter { $0 != "." }
            return parts.isEmpty ? nil : (parts, isException)
        }
    }

    /// Whether the file or folder at this path is left out; a folder leaves out all that is in it.
    func ignores(_ path: [String]) -> Bool {
        var ignored = false
        for rule in rules where rule.isException == ignored {
            // A pattern fits what is below it, too.
            let fits = (1...max(1, path.count)).contains { Glob.matches(rule.pattern[...], path.prefix($0)) }
            if fits { ignored = !rule.isException }
        }
        return ignored
    }

    /// Whether an exception may bring something back that is below this folder.
    var hasExceptions: Bool { rules.contains { $0.isException } }
}

/// Shell patterns.
enum Glob {
    /// Whether a path fits; `**` stands for any number of folders.
    static func matches(_ pattern: ArraySlice<String>, _ path: ArraySlice<String>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        if first == "**" {
            return matches(pattern.dropFirst(), path) || (!path.isEmpty && matches(pattern, path.dropFirst()))
        }
        guard let name = path.first, matches(name, first) else { return false }
        return matches(pattern.dropFirst(), path.dropFirst())
    }

    /// Whether a name fits a pattern of `*`, `?`, `[…]` and backslashes.
    static func matches(_ name: String, _ pattern: String) -> Bool {
        fnmatch(pattern, name, 0) == 0
    }

    /// Whether a text is more than a name.
    static func isPattern(_ text: String) -> Bool { text.contains { "*?[".contains($0) } }
}
