/// How a registry wants to know who asks: a `WWW-Authenticate` header, taken apart.
enum Challenge: Equatable {
    case basic
    /// A token is to be fetched from `realm`.
    case bearer(realm: String, service: String, scope: String?)

    /// Fails for a scheme that registries do not use.
    init?(_ header: String) {
        let scheme = header.prefix { $0 != " " }.lowercased()
        if scheme == "basic" {
            self = .basic
            return
        }
        guard scheme == "bearer" else { return nil }
        var fields: [String: String] = [:]
        var rest = header.dropFirst(scheme.count)
        while let sign = rest.firstIndex(of: "=") {
            let name = rest[..<sign].drop { $0 == " " || $0 == "," }.lowercased()
            rest = rest[rest.index(after: sign)...]
            if rest.first == "\"" {
                rest = rest.dropFirst()
                var value = ""
                while let next = rest.popFirst(), next != "\"" {
                    if next == "\\", let escaped = rest.popFirst() { value.append(escaped) } else { value.append(next) }
                }
                fields[name] = value
            } else {
                let value = rest.prefix { $0 != "," }
                fields[name] = String(value)
                rest = rest.dropFirst(value.count)
            }
        }
        guard let realm = fields["realm"] else { return nil }
        self = .bearer(realm: realm, service: fields["service"] ?? "", scope: fields["scope"])
    }

    /// `text` as it stands in a query.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let isPlain = 0x61...0x7A ~= byte | 0x20 || 0x30...0x39 ~= byte || "-._~:/,".utf8.contains(byte)
            let hex = String(byte, radix: 16, uppercase: true)
            result += isPlain ? String(UnicodeScalar(byte)) : "%" + (hex.count < 2 ? "0" : "") + hex
        }
        return result
    }
}
