import Transport

/// A client's connection, whatever door it came through: what a lease hangs on.
struct ClientConnection: Sendable {
    /// Has its argument called once when the connection closes, at once if it has closed already; what it returns takes
    /// that back.
    let onClose: @Sendable (_ action: @escaping @Sendable () -> Void) -> @Sendable () -> Void

    init(_ connection: HTTPConnection) {
        onClose = { action in
            let token = connection.onClose(action)
            return { connection.removeOnClose(token) }
        }
    }

    init(_ connection: LineConnection) {
        onClose = { action in
            let token = connection.onClose(action)
            return { connection.removeOnClose(token) }
        }
    }
}
