/// A sandbox on a server; when the last one who knows it lets go, it is closed.
final class RemoteSandbox: Sendable {
    let id: String
    let carrier: any RemoteCarrier

    init(_ id: String, _ carrier: any RemoteCarrier) {
        self.id = id
        self.carrier = carrier
    }

    deinit {
        // A server that is gone, or has closed it already, leaves nothing to do.
        _ = try? carrier.call("close", ["sandbox_id": .string(id)])
    }

    /// Calls a method on the sandbox.
    func call(_ method: String, _ params: JSON.Object = [:]) throws(Failure) -> JSON {
        var params = params
        params["sandbox_id"] = .string(id)
        return try carrier.call(method, .object(params))
    }

    /// A name for one request, so that a repeat after a broken connection does nothing twice.
    static func requestID() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(generator.next() as UInt64, radix: 36)
    }

    /// A sandbox that goes on from where this one stands.
    func fork() throws(Failure) -> RemoteSandbox {
        let forked = try call("fork", ["count": 1, "request_id": .string(Self.requestID())])
        guard let id = forked["sandbox_ids"]?[0]?.string else {
            throw Failure(.infraFailed, "The server's answer to fork names no sandbox.")
        }
        return RemoteSandbox(id, carrier)
    }
}
