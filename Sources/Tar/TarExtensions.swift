package import GEM

/// What extended headers say about the member behind them.
package struct TarExtensions {
    package var path: [UInt8]?
    package var target: [UInt8]?
    private var size: Int64?
    private var user: UInt32?
    private var group: UInt32?
    private var modified: Int64?
    private var attributes: [(name: String, value: [UInt8])] = []

    package init() {}

    /// Reads pax records: `LENGTH KEY=VALUE` and a line feed each, the length that of the whole record.
    package mutating func read(pax bytes: [UInt8], _ subject: String) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { 0x30...0x39 ~= $0 }
            guard digits.count < 10, let length = Int(String(decoding: digits, as: UTF8.self)), length <= rest.count,
                length > digits.count + 2, rest.dropFirst(digits.count).first == 0x20,
                rest[rest.startIndex + length - 1] == 0x0A
            else { throw Failure(.invalidArgument, "\(subject) is no sound tar: a pax record is malformed.") }
            let record = rest[(rest.startIndex + digits.count + 1)..<(rest.startIndex + length - 1)]
            guard let sign = record.firstIndex(of: UInt8(ascii: "=")) else {
                throw Failure(.invalidArgument, "\(subject) is no sound tar: a pax record has no value.")
            }
            try take(String(decoding: record[..<sign], as: UTF8.self), Array(record[(sign + 1)...]), subject)
            rest = rest.dropFirst(length)
        }
    }

    private mutating func take(_ key: String, _ value: [UInt8], _ subject: String) throws(Failure) {
        let number = { Int64(value.text.prefix { $0 != "." }) }
        switch key {
        case "path": path = value
        case "linkpath": target = value
        case "size": size = number()
        case "uid": user = number().flatMap { UInt32(exactly: $0) }
        case "gid": group = number().flatMap { UInt32(exactly: $0) }
        case "mtime": modified = number()
        case _ where key.hasPrefix("SCHILY.xattr."): attributes.append((String(key.dropFirst(13)), value))
        case _ where key.hasPrefix("GNU.sparse."):
            throw Failure(.invalidArgument, "\(subject) holds sparse files; make it again without --sparse.")
        default: break
        }
    }

    /// Lets what was read override what the header says.
    package func apply(to entry: inout TarEntry, _ subject: String) throws(Failure) {
        entry.path = path ?? entry.path
        entry.target = target ?? entry.target
        entry.user = user ?? entry.user
        entry.group = group ?? entry.group
        entry.modified = modified ?? entry.modified
        entry.attributes = attributes
        if entry.kind == .file, let size {
            guard 0...(1 << 56) ~= size else {
                throw Failure(.invalidArgument, "\(subject) is no sound tar: a size is negative or absurd.")
            }
            entry.size = size
        }
    }
}
