/// Takes the frames of a WebSocket apart and checks them: bytes in, messages and control frames out, in whatever portions
/// the bytes arrive.
struct WebSocketDecoder {
    enum Event: Equatable {
        case message(WebSocketMessage)
        case ping([UInt8])
        case pong([UInt8])
        /// The other end closes, with a code or without one.
        case close(WebSocketCloseCode?)
    }

    /// The frame whose payload is arriving.
    private struct Frame {
        var header: WebSocketFrameHeader
        var received = 0
        var remaining: Int { header.length - received }
    }

    private let role: WebSocketRole
    private let messageLimit: Int
    private var frame: Frame?
    /// The bytes of a frame's header that have come without the rest of it: at most 13.
    private var partialHeader: [UInt8] = []
    private var control: [UInt8] = []
    private var message: [UInt8] = []
    /// What kind of message the fragments so far belong to.
    private var messageOpcode: WebSocketOpcode?
    private var text = UTF8Check()

    /// - Parameters:
    ///   - role: Which end this is.
    ///   - messageLimit: Bytes of one message, all fragments together.
    init(role: WebSocketRole, messageLimit: Int) {
        self.role = role
        self.messageLimit = messageLimit
    }

    /// - Parameters:
    ///   - bytes: Bytes as they arrived.
    ///   - position: Where to go on; moved past what has been used.
    /// - Returns: The next event; `nil` when the bytes are used up.
    /// - Throws: ``WebSocketError``, after which the decoder must not be used any more.
    mutating func next(_ bytes: Span<UInt8>, from position: inout Int) throws(WebSocketError) -> Event? {
        while true {
            if frame == nil, try !beginFrame(bytes, &position) { return nil }
            guard let header = frame?.header, let offset = frame?.received, let remaining = frame?.remaining else {
                return nil
            }
            let count = min(remaining, bytes.count - position)
            try take(bytes.extracting(position..<(position + count)), header, offset)
            position += count
            frame?.received += count
            if count < remaining { return nil }
            frame = nil
            if let event = try finish(header) { return event }
        }
    }

    /// - Returns: Whether a whole header has arrived.
    private mutating func beginFrame(_ bytes: Span<UInt8>, _ position: inout Int) throws(WebSocketError) -> Bool {
        guard position < bytes.count else { return false }
        let held = partialHeader.count
        let header: (WebSocketFrameHeader, size: Int)?
        if held == 0 {
            header = try WebSocketFrameHeader.parse(bytes.extracting(position..<bytes.count), role: role)
        } else {
            var joined = partialHeader
            for index in position..<min(bytes.count, position + 14 - held) { joined.append(bytes[index]) }
            header = try WebSocketFrameHeader.parse(joined.span, role: role)
        }
        guard let (header, size) = header else {
            for index in position..<bytes.count { partialHeader.append(bytes[index]) }
            position = bytes.count
            return false
        }
        partialHeader = []
        position += size - held
        try check(header)
        frame = Frame(header: header)
        return true
    }

    private mutating func check(_ header: WebSocketFrameHeader) throws(WebSocketError) {
        switch header.opcode {
        case .close, .ping, .pong:
            control = []
            return
        case .continuation:
            guard messageOpcode != nil else {
                throw WebSocketFrameHeader.violation("A continuation frame continues nothing.")
            }
        case .text, .binary:
            guard messageOpcode == nil else {
                throw WebSocketFrameHeader.violation("A message begins before the one before it has ended.")
            }
            messageOpcode = header.opcode
            text = UTF8Check()
        }
        guard header.length <= messageLimit - message.count else {
            throw WebSocketError(.tooLarge, "A message is longer than \(messageLimit) bytes.")
        }
    }

    /// Takes a piece of a payload.
    private mutating func take(
        _ piece: Span<UInt8>, _ header: WebSocketFrameHeader, _ offset: Int
    ) throws(WebSocketError) {
        if header.opcode.isControl {
            Self.append(piece, to: &control, header.mask, offset)
            return
        }
        let start = message.count
        Self.append(piece, to: &message, header.mask, offset)
        // At once, so that the sender of a long message learns of the first bad byte.
        guard messageOpcode == .text else { return }
        var text = text
        defer { self.text = text }
        guard text.accept(message.span.extracting(start..<message.count)) else {
            throw WebSocketError(.invalidText, "A text message is not UTF-8.")
        }
    }

    private static func append(_ piece: Span<UInt8>, to bytes: inout [UInt8], _ mask: UInt32?, _ offset: Int) {
        let start = bytes.count
        piece.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        if let mask { applyMask(mask, offset: offset, to: &bytes, from: start) }
    }

    private mutating func finish(_ header: WebSocketFrameHeader) throws(WebSocketError) -> Event? {
        switch header.opcode {
        case .ping: return .ping(control)
        case .pong: return .pong(control)
        case .close: return .close(try closeCode())
        case .continuation, .text, .binary:
            guard header.isFinal else { return nil }
            defer {
                message = []
                messageOpcode = nil
            }
            guard messageOpcode == .text else { return .message(.binary(message)) }
            guard text.isComplete else {
                throw WebSocketError(.invalidText, "A text message ends within a character.")
            }
            return .message(.text(message))
        }
    }

    private func closeCode() throws(WebSocketError) -> WebSocketCloseCode? {
        if control.isEmpty { return nil }
        guard control.count >= 2 else { throw WebSocketFrameHeader.violation("A close code is cut short.") }
        let code = WebSocketCloseCode(rawValue: UInt16(control[0]) << 8 | UInt16(control[1]))
        guard code.mayBeSent else { throw WebSocketFrameHeader.violation("The close code may not be sent.") }
        var reason = UTF8Check()
        guard reason.accept(control.span.extracting(2..<control.count)), reason.isComplete else {
            throw WebSocketError(.invalidText, "The reason for closing is not UTF-8.")
        }
        return code
    }
}
