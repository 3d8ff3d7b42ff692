import CLinux
import GEM
import Glibc
import Transport

/// The rocklet's HTTP socket as the sandbox left it in the run folder, which is to say: not to be trusted.
enum AgentDoor {
    enum Answer: Equatable, Sendable {
        case alive
        /// There is no socket yet.
        case missing
        /// There is one on which nobody listens yet.
        case refused
    }

    /// Asks the rocklet whether it is there.
    ///
    /// - Throws: ``Failure`` where something else than a rocklet answers.
    static func knock(_ address: AgentAddress, on loop: EventLoop) async throws -> Answer {
        // Neither a link nor anything else that the sandbox puts there leads anywhere.
        let descriptor = open(address.http, rock_o_path() | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return .missing }
        let socket = OpenFile(OwnedDescriptor(descriptor))
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return .missing }
        var configuration = HTTPClientConfiguration()
        configuration.maximumIdleConnections = 0
        let client = HTTPClient(
            .unix(path: "/proc/self/fd/\(socket.rawValue)"), on: loop, configuration: configuration)
        do {
            let response = try await client.send(HTTPClientRequest("GET", "/is_alive"), limit: 64 << 10)
            guard response.status == .ok else {
                throw Failure(
                    .infraFailed, "The rocklet answered its first request with HTTP status \(response.status.rawValue)."
                )
            }
            return .alive
        } catch ConnectionError.failed(let reason) where reason.call == "connect" {
            return .refused
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
            case .refused:
                // A socket's file comes with bind(2); that listen(2) has followed makes no event, and takes microseconds.
                try await loop.sleep(until: ContinuousClock.now + .milliseconds(1))
            }
            drain(arrivals)
        }
    }

    private static func drain(_ arrivals: ReadableDescriptor) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while read(arrivals.rawValue, &buffer, buffer.count) > 0 {}
    }
}
