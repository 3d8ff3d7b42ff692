import GEM
import Glibc
import Transport

extension SandboxBench {
    /// What sandboxes with a session that do nothing take of the machine's memory: as the kernel charges it to each, its own
    /// memory for it included, and as the machine has less of it.
    func idleSandboxes() throws -> [BenchFinding] {
        let connections = try (0..<min(8, idle)).map { _ in try BenchConnection(place, key: key) }
        var ids: [String] = []
        defer { try? removeAll(ids, connections) }  // what is left is the server's to clear
        let before = Self.available
        while ids.count < idle {
            let wave = Array(connections.prefix(idle - ids.count))
            for connection in wave { try connection.send(connection.prepare("sandbox.start", params)) }
            for connection in wave {
                guard let id = try connection.result()["sandbox_id"]?.string else { throw Self.unreadable }
                ids.append(id)
                try connection.send(connection.prepare("sandbox.create_session", ["sandbox_id": .string(id)]))
            }
            for connection in wave { _ = try connection.result() }
        }
        let less = before - Self.available
        var charged = 0.0
        for id in ids {
            let usage = try connections[0].call(
                connections[0].prepare("sandbox.statistics", ["sandbox_id": .string(id)]))
            charged += usage["memory_bytes"]?.double ?? 0
        }
        let name = "\(ids.count) idle sandboxes with a session, each"
        return [
            BenchFinding(
                name: name + ": charged to it", value: charged / Double(ids.count) / 1e6, unit: "MB", reach: .most(3)),
            BenchFinding(
                name: name + ": what the machine has less", value: less / Double(ids.count) / 1e6, unit: "MB",
                reach: .most(3)),
        ]
    }

    private func removeAll(_ ids: [String], _ connections: [BenchConnection]) throws {
        for method in ["sandbox.stop", "sandbox.delete"] {
            for first in stride(from: 0, to: ids.count, by: connections.count) {
                let wave = zip(connections, ids[first...])
                for (connection, id) in wave {
                    try connection.send(connection.prepare(method, ["sandbox_id": .string(id)]))
                }
                for (connection, _) in wave { _ = try connection.result() }
            }
        }
    }

    /// What the kernel could give to programs, in bytes.
    private static var available: Double {
        Double(ProcText.number(behind: "MemAvailable:", in: ProcText.read("/proc/meminfo") ?? "") ?? 0) * 1024
    }
}

/// Files of the kernel's, read as a whole.
enum ProcText {
    /// The text at `path`; `nil` where it cannot be read.
    static func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        let count = Glibc.read(file, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The number that follows `name` at the beginning of a line.
    static func number(behind name: String, in text: String) -> Int? {
        text.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { line in
            Int(line.dropFirst(name.count).drop { $0 == " " || $0 == "\t" }.prefix { $0.isNumber })
        }
    }
}
