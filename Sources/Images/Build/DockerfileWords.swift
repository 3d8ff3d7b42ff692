import GEM

/// Words, quotes and variables of an instruction.
struct DockerfileWords {
    let escape: Character
    /// The value of a variable; `nil` where it is not set.
    let variable: (String) -> String?

    /// The words of `text`: quotes removed, variables put in.
    ///
    /// - Throws: ``Failure`` without file and line: a sentence that begins behind them.
    func words(_ text: String) throws(Failure) -> [String] {
        var words: [String] = []
        var word = ""
        var isOpen = false
        var rest = text[...]
        while let next = rest.popFirst() {
            switch next {
            case " ", "\t":
                if isOpen { words.append(word) }
                (word, isOpen) = ("", false)
            case "'":
                isOpen = true
                while true {
                    guard let inside = rest.popFirst() else { throw open("'") }
                    if inside == "'" { break }
                    word.append(inside)
                }
            case "\"":
                isOpen = true
                while true {
                    guard let inside = rest.popFirst() else { throw open("\"") }
                    if inside == "\"" { break }
                    if inside == escape, let quoted = rest.first, "\"$".contains(quoted) || quoted == escape {
                        word.append(rest.removeFirst())
                    } else if inside == "$" {
                        word += try value(&rest)
                    } else {
                        word.append(inside)
                    }
                }
            case "$":
                isOpen = true
                word += try value(&rest)
            case escape:
                isOpen = true
                if let quoted = rest.popFirst() { word.append(quoted) }
            default:
                isOpen = true
                word.append(next)
            }
        }
        if isOpen { words.append(word) }
        return words
    }

    /// `text` as one word.
    func word(_ text: String) throws(Failure) -> String { try words(text).joined(separator: " ") }

    /// The variable that stands behind a `$`: `NAME`, `{NAME}`, `{NAME:-else}` or `{NAME:+instead}`.
    private func value(_ rest: inout Substring) throws(Failure) -> String {
        let isName = { (character: Character) in
            character.isASCII && (character.isLetter || character.isNumber || character == "_")
        }
        guard rest.first == "{" else {
            let name = String(rest.prefix(while: isName))
            rest = rest.dropFirst(name.count)
            return name.isEmpty ? "$" : variable(name) ?? ""
        }
        rest = rest.dropFirst()
        let name = String(rest.prefix(while: isName))
        rest = rest.dropFirst(name.count)
        guard let close = rest.firstIndex(of: "}"), !name.isEmpty else { throw open("${") }
        let rule = rest[..<close]
        rest = rest[rest.index(after: close)...]
        let found = variable(name)
        if rule.isEmpty { return found ?? "" }
        let other = try word(String(rule.dropFirst(2)))
        if rule.hasPrefix(":-") { return found.flatMap { $0.isEmpty ? nil : $0 } ?? other }
        if rule.hasPrefix(":+") { return found.map { $0.isEmpty } ?? true ? "" : other }
        throw Failure(.invalidArgument, "'${\(name)\(rule)}' is none of ${NAME}, ${NAME:-else} and ${NAME:+instead}.")
    }

    /// `NAME=value` pairs, or one `NAME value`.
    func pairs(_ text: String) throws(Failure) -> [(name: String, value: String)] {
        let words = try words(text)
        guard let first = words.first else { return [] }
        if !first.contains("=") {
            guard words.count > 1 else {
                throw Failure(.invalidArgument, "'\(first)' has no value; write \(first)=VALUE.")
            }
            return [(first, words.dropFirst().joined(separator: " "))]
        }
        var pairs: [(name: String, value: String)] = []
        for word in words {
            guard let sign = word.firstIndex(of: "="), sign > word.startIndex else {
                throw Failure(.invalidArgument, "'\(word)' is no NAME=VALUE.")
            }
            pairs.append((String(word[..<sign]), String(word[word.index(after: sign)...])))
        }
        return pairs
    }

    /// What is written as a JSON list of texts; `nil` where it is not written so.
    static func list(_ text: String) -> [String]? {
        guard text.hasPrefix("["), let items = (try? JSON(parsing: text))?.array else { return nil }
        let texts = items.compactMap(\.string)
        return texts.count == items.count ? texts : nil
    }

    private func open(_ what: String) -> Failure { Failure(.invalidArgument, "a \(what) is not closed.") }
}
