/// What a frame is.
enum WebSocketOpcode: UInt8 {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    var isControl: Bool { rawValue >= 0x8 }
}

/// Which end of a WebSocket this is: clients mask what they send, servers do not.
package enum WebSocketRole: Sendable {
    case server
    case client
}

/// A frame's first bytes.
struct WebSocketFrameHeader: Equatable {
    var isFinal: Bool
    var opcode: WebSocketOpcode
    var length: Int
    /// The mask in the order it is sent, first byte lowest; `nil` without one.
    var mask: UInt32?

    /// Appends the header as it is sent.
    func append(to output: inout [UInt8]) {
        output.append((isFinal ? 0x80 : 0) | opcode.rawValue)
        let masked: UInt8 = mask == nil ? 0 : 0x80
        switch length {
        case ...125:
            output.append(masked | UInt8(length))
        case ...0xFFFF:
            output.append(masked | 126)
            output.append(UInt8(length >> 8))
            output.append(UInt8(length & 0xFF))
        default:
            output.append(masked | 127)
            for shift in stride(from: 56, through: 0, by: -8) { output.append(UInt8(length >> shift & 0xFF)) }
        }
        if let mask {
            for shift in stride(from: 0, through: 24, by: 8) { output.append(UInt8(truncatingIfNeeded: mask >> shift)) }
        }
    }

    /// Reads a header.
    ///
    /// - Returns: The header and its size; `nil` when more bytes are needed.
    /// - Throws: ``WebSocketError`` with 1002 for what no frame may be.
    static func parse(
        _ bytes: Span<UInt8>, role: WebSocketRole
    ) throws(WebSocketError) -> (WebSocketFrameHeader, size: Int)? {
        guard bytes.count >= 2 else { return nil }
        guard bytes[0] & 0x70 == 0 else { throw violation("A reserved bit is set, and no extension was agreed on.") }
        guard let opcode = WebSocketOpcode(rawValue: bytes[0] & 0x0F) else { throw violation("The opcode is unknown.") }
        let isFinal = bytes[0] & 0x80 != 0
        let isMasked = bytes[1] & 0x80 != 0
        guard isMasked == (role == .server) else {
            throw violation(isMasked ? "A server's frame is masked." : "A client's frame is not masked.")
        }
        let short = bytes[1] & 0x7F
        guard !opcode.isControl || (isFinal && short <= 125) else {
            throw violation("A control frame is fragmented or longer than 125 bytes.")
        }
        let lengthSize = short == 127 ? 8 : short == 126 ? 2 : 0
        let size = 2 + lengthSize + (isMasked ? 4 : 0)
        guard bytes.count >= size else { return nil }
        var length = lengthSize == 0 ? UInt64(short) : 0
        for index in 2..<(2 + lengthSize) { length = length << 8 | UInt64(bytes[index]) }
        guard lengthSize == 0 || length > (lengthSize == 2 ? 125 : 0xFFFF), length <= UInt64(Int.max) else {
            throw violation("The length is not in its shortest form, or negative.")
        }
        var mask: UInt32?
        if isMasked {
            mask = (0..<4).reduce(0) { $0 | UInt32(bytes[size - 4 + $1]) << UInt32(8 * $1) }
        }
        return (WebSocketFrameHeader(isFinal: isFinal, opcode: opcode, length: Int(length), mask: mask), size)
    }

    static func violation(_ message: String) -> WebSocketError { WebSocketError(.protocolError, message) }
}

/// Applies a mask to what follows `start` in `bytes`; `offset` bytes of the payload came before.
func applyMask(_ mask: UInt32, offset: Int, to bytes: inout [UInt8], from start: Int) {
    let shift = UInt32(8 * (offset & 3))
    let turned = shift == 0 ? mask : mask >> shift | mask << (32 - shift)
    let wide = UInt64(turned) << 32 | UInt64(turned)
    bytes.withUnsafeMutableBytes { whole in
        let raw = UnsafeMutableRawBufferPointer(rebasing: whole[start...])
        var index = 0
        while index + 8 <= raw.count {
            let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            raw.storeBytes(of: word ^ wide.littleEndian, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < raw.count {
            raw[index] ^= UInt8(truncatingIfNeeded: turned >> UInt32(8 * (index & 3)))
            index += 1
        }
    }
}
