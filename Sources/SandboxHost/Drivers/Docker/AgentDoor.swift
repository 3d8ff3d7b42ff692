import GEM
import Glibc
import Transport

/// The rocklet's HTTP socket as the sandbox left it in the run folder, which is to say: not to be trusted.
enum AgentDoor {
    enum Answer: Equatable, Sendable {
        case alive
        /// There is no socket yet. A rocklet's listens by the time it has its name.
        case missing
    }

    /// Asks the rocklet whether it is there.
    ///
    /// - Throws: ``Failure`` where something else than a rocklet answers.
    static func knock(_ address: AgentAddress, on loop: EventLoop) async throws -> Answer {
        var configuration = HTTPClientConfiguration()
        configuration.maximumIdleConnections = 0
        let client = HTTPClient(host: "sandbox", on: loop, configuration: configuration) { loop in
            try await AgentSocket.connect(address.http, on: loop)
        }
        do {
            let response = try await client.send(HTTPClientRequest("GET", "/is_alive"), limit: 64 << 10)
            guard response.status == .ok else {
                throw Failure(
                    .infraFailed, "The rocklet answered its first request with HTTP status \(response.status.rawValue)."
                )
            }
            return .alive
        } catch let error as SystemCallError where error.errno == ENOENT || error.errno == ENOTSOCK {
            return .missing
        }
    }

    /// Returns when the rocklet answers. `arrivals` tells of what is put into its folder.
    static func wait(
        _ address: AgentAddress, _ arrivals: ReadableDescriptor, on loop: EventLoop
    ) async throws {
        while true {
            switch try await knock(address, on: loop) {
            case .alive: return
            case .missing: try await arrivals.wait()
            }
            drain(arrivals)
        }
    }

    private static func drain(_ arrivals: ReadableDescriptor) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while read(arrivals.rawValue, &buffer, buffer.count) > 0 {}
    }
}
