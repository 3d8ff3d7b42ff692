import Glibc

/// Regular expressions that a run's output is watched for.
///
/// They are the C library's extended ones, with the classes `\d`, `\w` and `\s` and the groups `(?:…)` of Python's on top. What
/// else Python has is refused by name rather than understood in another way.
final class Expectation: @unchecked Sendable {
    // Safety of @unchecked: everything is constant after `init`, and matching changes nothing.

    let text: String
    private let expression = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
    private var isCompiled = false

    static let lengthLimit = 1024  // bytes

    /// - Throws: ``RockletException``: `ValueError` where it is none, or not one of those that are understood.
    init(_ text: String) throws(RockletException) {
        self.text = text
        let (translated, ignoresCase) = try Self.translate(text)
        let result = regcomp(expression, translated, REG_EXTENDED | (ignoresCase ? REG_ICASE : 0))
        isCompiled = result == 0
        guard result == 0 else {
            var reason = [CChar](repeating: 0, count: 128)
            regerror(result, expression, &reason, reason.count)
            let words = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw RockletException(.value, "expect: \(PythonText.quoted(text)) is no regular expression: \(words)")
        }
    }

    deinit {
        // Also where `init` throws.
        if isCompiled { regfree(expression) }
        expression.deallocate()
    }

    /// Where the expression first matches.
    func match(_ bytes: [UInt8]) -> Range<Int>? {
        var found = regmatch_t(rm_so: 0, rm_eo: Int32(clamping: bytes.count))
        // REG_STARTEND: the bytes need no zero behind them and may hold some.
        let result = bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self) else { return Int32(1) }
            return regexec(expression, start, 1, &found, 1 << 2)
        }
        guard result == 0, found.rm_so >= 0, found.rm_eo >= found.rm_so else { return nil }
        return Int(found.rm_so)..<Int(found.rm_eo)
    }

    /// Classes of Python's, outside of brackets and inside.
    private static let classes: [Character: (outside: String, inside: String?)] = [
        "d": ("[0-9]", "0-9"), "w": ("[[:alnum:]_]", "[:alnum:]_"), "s": ("[[:space:]]", "[:space:]"),
        "D": ("[^0-9]", nil), "W": ("[^[:alnum:]_]", nil), "S": ("[^[:space:]]", nil),
        "n": ("\n", "\n"), "r": ("\r", "\r"), "t": ("\t", "\t"), "Z": ("$", nil), "A": ("^", nil),
    ]

    private static func translate(_ text: String) throws(RockletException) -> (String, ignoresCase: Bool) {
        guard text.utf8.count <= lengthLimit, !text.utf8.contains(0) else {
            throw refusal(text, "it is longer than \(lengthLimit) bytes or holds a zero byte")
        }
        var rest = text[...]
        let ignoresCase = rest.hasPrefix("(?i)")
        if ignoresCase { rest = rest.dropFirst(4) }
        var translated = ""
        var isInBrackets = false
        while let character = rest.popFirst() {
            switch character {
            case "\\":
                guard let next = rest.popFirst() else { throw refusal(text, "it ends in a backslash") }
                if let (outside, inside) = classes[next] {
                    guard let part = isInBrackets ? inside : outside else {
                        throw refusal(text, "\\\(next) in brackets is not understood")
                    }
                    translated += part
                } else if next.isLetter || next.isNumber {
                    throw refusal(text, "\\\(next) is not understood")
                } else if isInBrackets {
                    // A bracket expression knows no escapes; these three have a place where they stand for themselves.
                    guard !"]^-".contains(next) else { throw refusal(text, "\\\(next) in brackets is not understood") }
                    translated.append(next)
                } else {
                    translated += "\\\(next)"
                }
            case "[" where !isInBrackets:
                isInBrackets = true
                translated.append(character)
                // A bracket right behind the opening one is a member.
                if rest.first == "^" { translated.append(rest.removeFirst()) }
                if rest.first == "]" { translated.append(rest.removeFirst()) }
            case "]" where isInBrackets:
                isInBrackets = false
                translated.append(character)
            case "(" where !isInBrackets && rest.first == "?":
                guard rest.hasPrefix("?:") else {
                    throw refusal(text, "(?\(rest.dropFirst().prefix(1)) is not understood")
                }
                rest = rest.dropFirst(2)
                translated.append("(")
            case "?" where !isInBrackets && ["*", "+", "?", "}"].contains(translated.last) && !isEscaped(translated):
                throw refusal(text, "repetitions that match as little as possible are not understood")
            default:
                translated.append(character)
            }
        }
        return (translated, ignoresCase)
    }

    /// Whether the last character stands for itself.
    private static func isEscaped(_ text: String) -> Bool {
        text.dropLast().reversed().prefix { $0 == "\\" }.count % 2 == 1
    }

    private static func refusal(_ text: String, _ reason: String) -> RockletException {
        RockletException(.value, "expect: \(PythonText.quoted(text)) cannot be used: \(reason).")
    }
}

/// The part of a run's output in which expressions are looked for: the last of it, as far as none has matched.
struct ExpectationWindow {
    /// A match is found if it is not longer.
    private static let limit = 64 * 1024

    let expectations: [Expectation]
    private(set) var bytes: [UInt8] = []

    /// Takes more of the output.
    ///
    /// - Returns: What is too old to be part of a match.
    mutating func append(_ more: [UInt8]) -> ArraySlice<UInt8> {
        bytes += more
        guard bytes.count > 2 * Self.limit else { return [] }
        let old = bytes.prefix(bytes.count - Self.limit)
        bytes.removeFirst(old.count)
        return old
    }

    /// The first match, and whose it is; of several at one place that of the first expression.
    func match() -> (Expectation, Range<Int>)? {
        var best: (Expectation, Range<Int>)?
        for expectation in expectations {
            guard let range = expectation.match(bytes) else { continue }
            if let place = best?.1.lowerBound, place <= range.lowerBound { continue }
            best = (expectation, range)
        }
        return best
    }

    /// Takes everything out, a match and all.
    mutating func empty() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }
}
