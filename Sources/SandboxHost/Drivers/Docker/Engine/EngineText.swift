/// Texts that go into requests to the engine.
enum EngineText {
    /// Everything but letters, digits and `-._~` becomes `%XX`: fit for a path's segment or a query's value.
    static func escaped(_ text: String) -> String {
        let figures = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: bytes.append(byte)
            default: bytes += [0x25, figures[Int(byte >> 4)], figures[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What an engine or a container says, fit for a message: one line without control characters, cut at `limit` bytes.
    static func line(_ text: String, limit: Int = 2000) -> String {
        let words = text.unicodeScalars.split { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
        let line = words.map(String.init).joined(separator: " ")
        guard line.utf8.count > limit else { return line }
        return String(decoding: line.utf8.prefix(limit), as: UTF8.self) + "…"
    }
}
