import CLinux
import GEM
import Glibc
import Transport

/// What is measured of a server's registry over HTTP: prepared requests in a closed loop of one thread. Blocks.
struct AdminBench {
    let place: HTTPPlace
    /// How long each loop runs.
    let duration: Duration
    /// Sandboxes in the server's registry, as ``RegistryBench`` writes them: those that were stopped, then those that run.
    let rows: Int
    let live: Int

    /// A status against `GET /health`, on `count` connections each: microseconds at the median.
    ///
    /// The two take turns, for what else the machine does changes from second to second.
    func status(connections count: Int) throws -> BenchFinding {
        let connections = try (0..<count).map { _ in try BenchConnection(place) }
        let health = [get("/health")]
        // One that was stopped, one that runs, and so on.
        let statuses = (0..<512).map { turn in
            let number = turn % 2 == 0 ? turn * (rows - live) / 512 : rows - live + turn * live / 512
            return get(
                "/apis/envs/sandbox/v1/get_status?include_all_states=true&sandbox_id=\(RegistryBench.id(number))")
        }
        var (own, peer): ([UInt64], [UInt64]) = ([], [])
        for _ in 0..<4 {
            peer += try loop(connections, health, duration / 4)
            own += try loop(connections, statuses, duration / 4)
        }
        return BenchFinding(
            name: "get_status, \(rows) sandboxes, \(count) \(count == 1 ? "client" : "clients"), p50",
            value: Distribution(own, seconds: 1).microseconds(at: 0.5), unit: "µs",
            peer: ("GET /health", Distribution(peer, seconds: 1).microseconds(at: 0.5)), reach: .ratioMost(2))
    }

    /// A page of 100 with two filters, in the middle of what they let through: milliseconds at the median.
    func list() throws -> BenchFinding {
        let pages = max(1, rows / RegistryBench.users / 200)
        let request = get(
            "/apis/envs/sandbox/v1/sandboxes?include_all_states=true&state=stopped&user_id=user-3&page=\(pages)&page_size=100"
        )
        return BenchFinding(
            name: "list, page \(pages) of 100, two filters, p50", value: try median([request]) / 1000, unit: "ms",
            reach: .most(5))
    }

    /// Statuses of `count` sandboxes that run at once: milliseconds at the median.
    func batch(_ count: Int) throws -> BenchFinding {
        let ids = rows - live..<rows - live + min(live, count)
        let body: JSON = ["sandbox_ids": .array(ids.map { .string(RegistryBench.id($0)) })]
        let bytes = body.serialized
        let head =
            "POST \(place.path)/apis/envs/sandbox/v1/sandboxes/batch HTTP/1.1\r\nHost: \(place.authority)\r\n"
            + "Content-Type: application/json\r\nContent-Length: \(bytes.count)\r\n\r\n"
        let request = Array(head.utf8) + bytes
        let connection = try BenchConnection(place)
        try connection.send(request)
        // Statuses that are left out would be fast.
        guard try connection.receive() > ids.count * 400 else {
            throw CommandError(.failure, "the server does not answer every status of a batch")
        }
        return BenchFinding(
            name: "batch of \(ids.count) statuses, p50", value: try median([request]) / 1000, unit: "ms",
            reach: .most(15))
    }

    private func get(_ target: String) -> [UInt8] {
        Array("GET \(place.path)\(target) HTTP/1.1\r\nHost: \(place.authority)\r\n\r\n".utf8)
    }

    /// In microseconds.
    private func median(_ requests: [[UInt8]]) throws -> Double {
        Distribution(try loop([try BenchConnection(place)], requests, duration), seconds: 1).microseconds(at: 0.5)
    }

    /// Sends `requests` in turn, one at a time on each connection, for `duration`.
    ///
    /// - Returns: Nanoseconds each, without the first of each connection.
    private func loop(
        _ connections: [BenchConnection], _ requests: [[UInt8]], _ duration: Duration
    ) throws -> [UInt64] {
        for connection in connections {
            try connection.send(requests[0])
            _ = try connection.receive()
            // A refusal would be fast.
            guard !connection.lastAnswer(contains: "\"Failed\"") else {
                throw CommandError(.failure, "the server refuses what is to be measured")
            }
        }
        let epoll = OwnedDescriptor(try SystemCallError.check(rock_epoll_create(), "epoll_create"))
        for (index, connection) in connections.enumerated() {
            rock_epoll_add(epoll.rawValue, connection.descriptor, Interest.readable.rawValue, UInt64(index))
        }
        let (start, limit) = (rock_now_ns(), Int64(duration / .nanoseconds(1)))
        var (times, turn, waiting): ([UInt64], Int, Int) = ([], 0, connections.count)
        var began = [Int64](repeating: start, count: connections.count)
        var events = [rock_event](repeating: rock_event(), count: 256)
        for connection in connections { try connection.send(requests[0]) }
        while waiting > 0 {
            let count = rock_epoll_wait(epoll.rawValue, &events, 256, -1)
            for event in events.prefix(Int(max(0, count))) {
                let index = Int(event.token)
                guard try connections[index].receiveSome() != nil else { continue }
                let now = rock_now_ns()
                times.append(UInt64(now - began[index]))
                began[index] = now
                turn += 1
                if now - start < limit {
                    try connections[index].send(requests[turn % requests.count])
                } else {
                    waiting -= 1
                }
            }
        }
        return times
    }
}
