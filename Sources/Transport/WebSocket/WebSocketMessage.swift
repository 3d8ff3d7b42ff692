/// One message of a WebSocket.
package enum WebSocketMessage: Equatable, Sendable {
    /// Text, as bytes that have been checked to be UTF-8.
    case text([UInt8])
    case binary([UInt8])

    /// The bytes of either kind.
    package var bytes: [UInt8] {
        switch self {
        case .text(let bytes), .binary(let bytes): bytes
        }
    }
}

/// Why a WebSocket is closed: the number that travels in the close frame (RFC 6455, section 7.4).
package struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let normal = WebSocketCloseCode(rawValue: 1000)
    package static let goingAway = WebSocketCloseCode(rawValue: 1001)
    package static let protocolError = WebSocketCloseCode(rawValue: 1002)
    package static let unsupportedData = WebSocketCloseCode(rawValue: 1003)
    package static let invalidText = WebSocketCloseCode(rawValue: 1007)
    package static let policyViolation = WebSocketCloseCode(rawValue: 1008)
    package static let tooLarge = WebSocketCloseCode(rawValue: 1009)
    package static let internalError = WebSocketCloseCode(rawValue: 1011)

    /// Whether the number may travel at all: 1004–1006 and 1015 stand for what never was a close frame.
    var mayBeSent: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// What the other end did that RFC 6455 forbids, or more of something than is allowed here.
package struct WebSocketError: Error, Equatable, Sendable {
    /// The code that the other end is told.
    package let code: WebSocketCloseCode
    /// One sentence about what was wrong.
    package let message: String

    package init(_ code: WebSocketCloseCode, _ message: String) {
        self.code = code
        self.message = message
    }
}
