/// One `name=value` of a query, decoded.
package struct HTTPQueryItem: Hashable, Sendable {
    package let name: String
    /// Empty when there is no `=`.
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A request target, taken apart.
enum HTTPTarget {
    /// The path of an origin or absolute form, percent-decoded; `*` stays. `nil` for what has none, for a broken escape,
    /// and for a decoded zero byte, which no file or route may contain.
    static func path(_ target: ArraySlice<UInt8>) -> String? {
        decode(rawPath(target), plusIsSpace: false)
    }

    /// Whether the target is a path without escapes, which needs no decoding to be known as good.
    static func isPlain(_ target: ArraySlice<UInt8>) -> Bool {
        target.first == 0x2F && !target.contains(0x25)
    }

    /// The query's items in order. Items with a broken escape keep it as it is.
    static func query(_ target: ArraySlice<UInt8>) -> [HTTPQueryItem] {
        guard let mark = target.firstIndex(of: 0x3F) else { return [] }
        return target[(mark + 1)...].split(separator: 0x26).map { item in
            let name = item.prefix { $0 != 0x3D }
            let text = { (part: ArraySlice<UInt8>) in
                decode(part, plusIsSpace: true) ?? String(decoding: part, as: UTF8.self)
            }
            return HTTPQueryItem(text(name), text(item[name.endIndex...].dropFirst()))
        }
    }

    /// The path as sent: `/a%20b` of `http://host/a%20b?c`.
    private static func rawPath(_ target: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let path = target.prefix { $0 != 0x3F }
        if path.first == 0x2F || path.elementsEqual("*".utf8) { return path }
        // Absolute form: scheme, colon, two slashes, authority.
        guard let colon = path.firstIndex(of: 0x3A), path[colon...].starts(with: "://".utf8) else { return [] }
        let rest = path[(colon + 3)...].drop { $0 != 0x2F }
        return rest.isEmpty ? [0x2F] : rest
    }

    private static func decode(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool) -> String? {
        guard !bytes.isEmpty || plusIsSpace else { return nil }
        guard bytes.contains(where: { $0 == 0x25 || (plusIsSpace && $0 == 0x2B) }) else {
            return String(decoding: bytes, as: UTF8.self)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == 0x25 {
                guard let high = rest.popFirst().flatMap(ByteClass.hexValue),
                    let low = rest.popFirst().flatMap(ByteClass.hexValue), high << 4 | low != 0
                else { return nil }
                decoded.append(high << 4 | low)
            } else {
                decoded.append(plusIsSpace && byte == 0x2B ? 0x20 : byte)
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }
}
