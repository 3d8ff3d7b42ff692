import CLinux
import GEM
import Glibc
import Transport

/// How long a server that was killed needs until it serves again, with the sandboxes that lived on. Blocks.
struct RestartBench {
    /// A data directory of this benchmark's own, whose registry is filled.
    let directory: String
    let rows: Int
    let live: Int

    /// - Throws: ``CommandError`` where a server does not start, a sandbox does not, or one is lost.
    func measure() throws -> BenchFinding {
        var server = try start()
        do {
            let before = try BenchConnection(try HTTPPlace.named(server.url))
            for _ in 0..<live {
                _ = try before.call(before.prepare("sandbox.start", Self.sandbox))
            }
            end(server.process, SIGKILL)
            let began = rock_now_ns()
            server = try start()
            let after = try BenchConnection(try HTTPPlace.named(server.url))
            let listing = try after.call(
                after.prepare("sandbox.list", ["state": "running", "page_size": "1"]))
            let seconds = Double(rock_now_ns() - began) / 1e9
            guard listing["total"]?.int == live else {
                throw CommandError(
                    .failure, "of \(live) sandboxes \(listing["total"]?.int ?? 0) run after the restart")
            }
            try remove(after)
            end(server.process, SIGTERM)
            return BenchFinding(
                name: "kill -9 to serving, \(rows) rows, \(live) live sandboxes", value: seconds, unit: "s",
                reach: .most(2))
        } catch {
            // What lives is ended by a server alone.
            if let connection = try? BenchConnection(try HTTPPlace.named(server.url)) { try? remove(connection) }
            end(server.process, SIGTERM)
            throw error
        }
    }

    private static let sandbox: JSON = [
        "image": "host", "runtime": "jail", "memory": "32m", "cpus": 1, "disk": "64m", "network": "none",
    ]

    private func start() throws -> (process: pid_t, url: String) {
        let (process, ready) = try DetachedServer.start(
            ["admin", "start", "--port", "0", "--data-dir", directory], directory: directory)
        guard let url = ready.split(separator: " ").last else {
            throw CommandError(.failure, "the server does not say where it is")
        }
        return (process, String(url))
    }

    private func remove(_ connection: BenchConnection) throws {
        while true {
            let page = try connection.call(
                connection.prepare("sandbox.list", ["state": "running,pending", "page_size": "100"]))
            guard let items = page["items"]?.array, !items.isEmpty else { return }
            for id in items.compactMap({ $0["sandbox_id"] }) {
                _ = try connection.call(connection.prepare("sandbox.stop", ["sandbox_id": id]))
                _ = try? connection.call(connection.prepare("sandbox.delete", ["sandbox_id": id]))
            }
        }
    }

    private func end(_ process: pid_t, _ signal: Int32) {
        kill(process, signal)  // ours and not collected yet, so the number is its own
        ChildProcess.end(process, patience: .seconds(30))
    }
}
