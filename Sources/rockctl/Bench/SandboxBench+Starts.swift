import GEM
import Transport

extension SandboxBench {
    private static let command: JSON = ["true"]

    /// From the call of a start to the end of the first command, of one sandbox after the other.
    func starts() throws -> BenchFinding {
        let connection = try BenchConnection(place, key: key)
        // The first start of a server makes what all others share.
        try remove([try firstCommand(params, connection).id], connection)
        let times = try loop(duration * 2, atMost: 200) {
            let (id, time) = try firstCommand(params, connection)
            try remove([id], connection)
            return time
        }
        let found = Distribution(times, seconds: 1)
        return BenchFinding(
            name: "start to the end of a first command, jail, p50", value: found.microseconds(at: 0.5) / 1000,
            unit: "ms", reach: .most(30), facts: [("p90", found.microseconds(at: 0.9) / 1000, "ms")])
    }

    /// Many at once: from the first call until the first command of each has ended.
    func starts(atOnce count: Int) throws -> BenchFinding {
        let connections = try (0..<count).map { _ in try BenchConnection(place, key: key) }
        try remove([try firstCommand(params, connections[0]).id], connections[0])
        let requests = connections.map { $0.prepare("sandbox.start", params) }
        let start = ContinuousClock.now
        for (connection, request) in zip(connections, requests) { try connection.send(request) }
        var ids: [String] = []
        for connection in connections {
            guard let id = try connection.result()["sandbox_id"]?.string else { throw Self.unreadable }
            ids.append(id)
            try connection.send(
                connection.prepare("sandbox.execute", ["sandbox_id": .string(id), "command": Self.command]))
        }
        for connection in connections {
            guard try connection.result()["exit_code"]?.int == 0 else { throw Self.unreadable }
        }
        let time = ContinuousClock.now - start
        for (id, connection) in zip(ids, connections) { try remove([id], connection) }
        return BenchFinding(
            name: "\(count) starts at once, until every first command has ended", value: time / .seconds(1), unit: "s",
            reach: .most(1.5))
    }

    private func firstCommand(_ params: JSON, _ connection: BenchConnection) throws -> (id: String, time: Duration) {
        let start = ContinuousClock.now
        let id = try self.start(params, connection)
        let result = try connection.call(
            connection.prepare("sandbox.execute", ["sandbox_id": .string(id), "command": Self.command]))
        let time = ContinuousClock.now - start
        guard result["exit_code"]?.int == 0 else { throw Self.unreadable }
        return (id, time)
    }

    // MARK: Containers

    /// The same of a container, beside what the engine itself takes to make and start one, by turns.
    ///
    /// - Parameters:
    ///   - socket: The engine's.
    ///   - image: One that the engine has.
    /// - Returns: The two medians.
    /// - Throws: ``CommandError`` for what server or engine refuse.
    func containers(_ socket: String, image: String) async throws -> BenchFinding {
        let params: JSON = [
            "image": .string(image), "runtime": "docker", "memory": "512m", "cpus": 1, "pull": "never",
        ]
        let engine = try EngineBench(socket: socket, image: image)
        defer { engine.close() }
        var (own, peer): ([UInt64], [UInt64]) = ([], [])
        for turn in 0..<12 {
            try Task.checkCancellation()
            let time = try await BlockingPool.run {
                let connection = try BenchConnection(place, key: key)
                let (id, time) = try firstCommand(params, connection)
                try remove([id], connection)
                return time
            }
            let beside = try await engine.createAndStart()
            // The first of each finds nothing in memory yet.
            if turn == 0 { continue }
            own.append(Self.nanoseconds(time))
            peer.append(Self.nanoseconds(beside))
        }
        return BenchFinding(
            name: "start to the end of a first command, docker, p50",
            value: Distribution(own, seconds: 1).microseconds(at: 0.5) / 1000, unit: "ms",
            peer: ("create + start", Distribution(peer, seconds: 1).microseconds(at: 0.5) / 1000), reach: .above(40))
    }
}

/// A container engine asked directly.
private final class EngineBench: Sendable {
    private let loop: EventLoop
    private let client: HTTPClient
    private let image: String

    init(socket: String, image: String) throws {
        loop = try EventLoop(name: "engine")
        client = HTTPClient(.unix(path: socket), on: loop)
        self.image = image
    }

    func close() { loop.shutDown() }

    /// Makes a container with the limits of ours, starts it, and removes it again.
    ///
    /// - Returns: How long the making and the start took.
    func createAndStart() async throws -> Duration {
        let request: JSON = [
            "Image": .string(image), "Cmd": ["sleep", "600"],
            "HostConfig": [
                "NetworkMode": "none", "Memory": .number(.init(512 << 20)), "MemorySwap": .number(.init(512 << 20)),
                "NanoCpus": .number(.init(1_000_000_000)), "PidsLimit": 1024,
            ],
        ]
        let start = ContinuousClock.now
        let made = try await call("POST", "/containers/create", request)
        guard let id = made["Id"]?.string else { throw SandboxBench.unreadable }
        let time: Duration
        do {
            _ = try await call("POST", "/containers/\(id)/start", nil)
            time = ContinuousClock.now - start
        } catch {
            _ = try? await call("DELETE", "/containers/\(id)?force=true", nil)  // the start's failure is the news
            throw error
        }
        _ = try await call("DELETE", "/containers/\(id)?force=true", nil)
        return time
    }

    private func call(_ method: String, _ path: String, _ body: JSON?) async throws -> JSON {
        let answer = try await client.send(
            HTTPClientRequest(
                method, "/v1.41" + path, headers: [HTTPField("Content-Type", "application/json")],
                body: body?.serialized ?? []))
        let json = (try? JSON(parsing: answer.body.span)) ?? .null  // most answers are empty
        guard answer.status.rawValue / 100 == 2 else {
            throw CommandError(
                .failure,
                "the engine answers \(answer.status.rawValue) to \(method) \(path): "
                    + printable(json["message"]?.string ?? "", limit: 300))
        }
        return json
    }
}
