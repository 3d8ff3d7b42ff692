/// What a container wrote, from `GET /containers/{id}/logs`.
enum ContainerLog {
    /// The last lines as one line of text.
    ///
    /// Without a terminal the stream comes in frames: a byte that names the stream, three zeros, four bytes of length, then
    /// as many bytes of text. Bytes that are no such frames are taken as they are.
    static func lastLines(_ bytes: [UInt8], limit: Int = 2000) -> String {
        var text: [UInt8] = []
        var at = 0
        while at + 8 <= bytes.count, bytes[at] <= 2, bytes[at + 1] == 0, bytes[at + 2] == 0, bytes[at + 3] == 0 {
            let length = bytes[at + 4..<at + 8].reduce(0) { $0 << 8 | Int($1) }
            let end = min(bytes.count, at + 8 + length)
            text += bytes[at + 8..<end]
            at = end
        }
        if at == 0 { text = bytes }
        return EngineText.line(String(decoding: text.suffix(limit), as: UTF8.self), limit: limit)
    }
}
