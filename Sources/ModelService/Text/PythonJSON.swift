import GEM

extension JSON {
    /// The value as Python's `json.dumps(value, ensure_ascii=False)` writes it: a blank behind commas and colons, numbers in
    /// Python's form. Who compares lines byte by byte sees no difference.
    var pythonText: [UInt8] {
        var text: [UInt8] = []
        appendPython(to: &text)
        return text
    }

    private func appendPython(to text: inout [UInt8]) {
        switch self {
        case .null: text += "null".utf8
        case .bool(let value): text += (value ? "true" : "false").utf8
        case .number(let number): text += number.pythonText.utf8
        case .string(let string): Self.appendPython(string, to: &text)
        case .array(let elements):
            text.append(0x5B)
            for (place, element) in elements.enumerated() {
                if place > 0 { text += ", ".utf8 }
                element.appendPython(to: &text)
            }
            text.append(0x5D)
        case .object(let object):
            text.append(0x7B)
            for (place, member) in object.members.enumerated() {
                if place > 0 { text += ", ".utf8 }
                Self.appendPython(member.name, to: &text)
                text += ": ".utf8
                member.value.appendPython(to: &text)
            }
            text.append(0x7D)
        }
    }

    private static func appendPython(_ string: String, to text: inout [UInt8]) {
        var writer = JSONWriter(taking: &text)
        var string = string
        string.withUTF8 { bytes in
            writer.beginString()
            writer.appendToString(bytes.span)
            writer.endString()
        }
        writer.finish(into: &text)
    }
}

extension JSON.Number {
    /// The number as Python writes what it has read from this text.
    var pythonText: String {
        guard text.contains(where: { $0 == "." || $0 == "e" || $0 == "E" }) else { return text == "-0" ? "0" : text }
        guard let value = Double(text), value.isFinite else { return text }
        return Self.pythonRepresentation(value)
    }

    /// The shortest digits that read back as `value`, set as Python's `repr` does: exponents from 1e16 on and below 1e-4.
    private static func pythonRepresentation(_ value: Double) -> String {
        if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
        let sign = value < 0 ? "-" : ""
        let parts = value.magnitude.description.split(separator: "e")
        let written = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = written[0]
        let fraction = written.count > 1 ? written[1] : ""
        var digits = Array((whole + fraction).utf8)
        // Where the point stands, counted from the first digit.
        var point = whole.utf8.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        while digits.first == 0x30 {
            digits.removeFirst()
            point -= 1
        }
        while digits.last == 0x30 { digits.removeLast() }
        let text = { (part: ArraySlice<UInt8>) in String(decoding: part, as: UTF8.self) }
        let exponent = point - 1
        if exponent < -4 || exponent >= 16 {
            let rest = digits.count > 1 ? "." + text(digits[1...]) : ""
            let size = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
            return sign + text(digits[..<1]) + rest + "e" + (exponent < 0 ? "-" : "+") + size
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + text(digits[...]) }
        if point >= digits.count {
            return sign + text(digits[...]) + String(repeating: "0", count: point - digits.count) + ".0"
        }
        return sign + text(digits[..<point]) + "." + text(digits[point...])
    }
}
