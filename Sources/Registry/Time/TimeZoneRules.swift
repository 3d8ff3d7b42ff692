import Glibc

/// A time zone of the system's database, read once; what every time a client sees is written in.
///
/// `localtime_r` would answer for the process's own zone only, which need not be this one.
package struct TimeZoneRules: Equatable, Sendable {
    /// `Asia/Shanghai`, say.
    package let name: String
    /// When the offset changed, in seconds since 1970, ascending, and the offsets from then on.
    private let changes: [Int]
    private let offsets: [Int]
    /// The offset before the first change.
    private let firstOffset: Int
    /// What holds behind the last change.
    private let rule: DaylightRule?

    /// ROCK's own zone, known without a database: UTC+8 since 1991.
    package static let shanghai = TimeZoneRules(name: "Asia/Shanghai", fixedOffset: 8 * 3600)
    package static let utc = TimeZoneRules(name: "UTC", fixedOffset: 0)

    private init(name: String, fixedOffset: Int) {
        self.name = name
        (changes, offsets, firstOffset, rule) = ([], [], fixedOffset, nil)
    }

    /// Reads the zone called `name`.
    ///
    /// - Parameters:
    ///   - name: As the database writes it: `Europe/Berlin`.
    ///   - folder: Where the database is.
    /// - Throws: ``RegistryError`` with code `invalidArgument` where there is no such zone.
    package init(named name: String, in folder: String = "/usr/share/zoneinfo") throws(RegistryError) {
        // It becomes part of a path.
        let isAllowed = { (byte: UInt8) in
            0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte || "/_+-".utf8.contains(byte)
        }
        let isName = 1...64 ~= name.utf8.count && name.utf8.allSatisfy(isAllowed) && name.utf8.first != 0x2F
        let bytes = isName ? Self.read("\(folder)/\(name)") : nil
        guard let bytes else {
            // Small images come without the database.
            if name == Self.shanghai.name || name == Self.utc.name {
                self = name == Self.utc.name ? .utc : .shanghai
                return
            }
            throw RegistryError(
                .invalidArgument, "“\(name)” is no time zone of \(folder); write one such as Asia/Shanghai or UTC")
        }
        guard let zone = Self(name: name, file: bytes) else {
            throw RegistryError(.invalidArgument, "\(folder)/\(name) is no time zone file of version 2 or later")
        }
        self = zone
    }

    /// Seconds east of Greenwich at `time`.
    package func offset(at time: Timestamp) -> Int {
        let second = Int(time.seconds)
        guard let first = changes.first, second >= first else {
            return changes.isEmpty ? rule?.offset(at: second) ?? firstOffset : firstOffset
        }
        if let last = changes.last, second >= last, let rule { return rule.offset(at: second) }
        var (low, high) = (0, changes.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if changes[middle] <= second { low = middle } else { high = middle }
        }
        return offsets[low]
    }

    // MARK: The file, RFC 9636

    private static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // The largest zone of the database has 4 KB.
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
            }
            if got < 0 { return nil }
            if got == 0 { break }
            count += got
        }
        return Array(bytes[..<count])
    }

    /// Reads the second block of `file`, whose times have 64 bits, and the rule behind it; `nil` where it is none.
    init?(name: String, file: [UInt8]) {
        func integer(_ at: Int, _ width: Int) -> Int? {
            guard at >= 0, at + width <= file.count else { return nil }
            let bits = file[at..<at + width].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return width == 4 ? Int(Int32(truncatingIfNeeded: bits)) : Int(Int64(bitPattern: bits))
        }
        /// The six counts of the header at `at`: UT/local and standard/wall indicators, leap seconds, times, types, letters.
        func counts(_ at: Int) -> [Int]? {
            guard at + 44 <= file.count, file[at..<at + 4].elementsEqual("TZif".utf8) else { return nil }
            let counts = (0..<6).compactMap { integer(at + 20 + $0 * 4, 4) }
            return counts.count == 6 && counts.allSatisfy { 0...1 << 15 ~= $0 } ? counts : nil
        }
        guard let old = counts(0), file[4] >= UInt8(ascii: "2") else { return nil }
        let second = 44 + old[3] * 5 + old[4] * 6 + old[5] + old[2] * 8 + old[1] + old[0]
        guard let new = counts(second), new[4] > 0 else { return nil }
        let times = second + 44
        let types = times + new[3] * 9
        let footer = types + new[4] * 6 + new[5] + new[2] * 12 + new[1] + new[0]
        let offsetOfType = (0..<new[4]).compactMap { integer(types + $0 * 6, 4) }
        guard offsetOfType.count == new[4], footer < file.count else { return nil }
        changes = (0..<new[3]).compactMap { integer(times + $0 * 8, 8) }
        offsets = file[(times + new[3] * 8)..<types].compactMap {
            offsetOfType.indices.contains(Int($0)) ? offsetOfType[Int($0)] : nil
        }
        guard changes.count == new[3], offsets.count == new[3] else { return nil }
        firstOffset = offsetOfType[0]
        rule = DaylightRule(String(decoding: file[footer...].dropFirst().prefix { $0 != 0x0A }, as: UTF8.self))
        self.name = name
    }
}
