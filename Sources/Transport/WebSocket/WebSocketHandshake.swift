/// The two messages that turn HTTP into a WebSocket.
enum WebSocketHandshake {
    /// Checks a client's request.
    ///
    /// - Returns: The value of `Sec-WebSocket-Accept`.
    /// - Throws: ``HTTPError``: 426 for another version of the protocol or no upgrade at all, 400 for a bad handshake.
    static func accept(_ head: HTTPRequestHead) throws(HTTPError) -> String {
        let headers = head.headers
        guard headers.list("upgrade", contains: "websocket"), headers.list("connection", contains: "upgrade"),
            headers["sec-websocket-version"] == "13"
        else { throw HTTPError(426, "This address speaks WebSocket, version 13.") }
        let keys = headers.all(named: "sec-websocket-key")
        guard headers.text(head.method) == "GET", head.minorVersion == 1, !head.framing.isChunked,
            head.framing.length ?? 0 == 0, keys.count == 1,
            isKey(Array(keys[0].utf8))
        else { throw HTTPError(.badRequest, "The WebSocket handshake is malformed.") }
        return acceptValue(keys[0])
    }

    /// Whether `key` is the base64 form of 16 bytes.
    private static func isKey(_ key: [UInt8]) -> Bool {
        key.count == 24 && key.suffix(2).elementsEqual("==".utf8)
            && key.prefix(22).allSatisfy {
                ByteClass.isDigit($0) || (0x41...0x5A) ~= $0 || (0x61...0x7A) ~= $0
                    || $0 == 0x2B || $0 == 0x2F
            }
    }

    /// What a server answers to `key`, which only one that speaks WebSocket does (RFC 6455, section 4.2.2).
    static func acceptValue(_ key: String) -> String {
        base64(SHA1.digest(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }

    /// A key for a client's request.
    static func randomKey() -> String {
        var generator = SystemRandomNumberGenerator()
        return base64((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for index in 0..<4 {
                text.append(index <= group.count ? alphabet[bits >> (18 - 6 * index) & 0x3F] : 0x3D)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// SHA-1, which the handshake asks for as a checksum; it protects nothing.
enum SHA1 {
    static func digest(_ message: [UInt8]) -> [UInt8] {
        var padded = message + [0x80]
        padded += [UInt8](repeating: 0, count: (120 - padded.count % 64) % 64)
        padded += (0..<8).map { UInt8(truncatingIfNeeded: (message.count * 8) >> (56 - 8 * $0)) }
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        for start in stride(from: 0, to: padded.count, by: 64) { mix(padded[start..<(start + 64)], into: &state) }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * $0)) } }
    }

    private static func mix(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
        let bytes = Array(block)
        var words = (0..<16).map { word in (0..<4).reduce(0) { $0 << 8 | UInt32(bytes[4 * word + $1]) } }
        for index in 16..<80 {
            words.append(rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for index in 0..<80 {
            let (choice, constant): (UInt32, UInt32) =
                switch index / 20 {
                case 0: (b & c | ~b & d, 0x5A82_7999)
                case 1: (b ^ c ^ d, 0x6ED9_EBA1)
                case 2: (b & c | b & d | c & d, 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            let next = rotate(a, 5) &+ choice &+ e &+ constant &+ words[index]
            (a, b, c, d, e) = (next, a, rotate(b, 30), c, d)
        }
        for (index, word) in [a, b, c, d, e].enumerated() { state[index] &+= word }
    }

    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}
