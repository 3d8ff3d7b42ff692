import Foundation
import GEM
import Testing

/// A real server that offers environments of a test's own, each played by a program in a sandbox.
struct ExternalServer: Sendable {
    static let configuration = "runtime: { drivers: [jail] }\nlogging: { access: none }\n"

    let server: RunningServer
    let client: Client

    /// Starts a server and registers `manifests` with it, whose paths are below `folder`.
    static func run<T>(
        _ manifests: [String], in folder: String = Self.programs, configuration: String = Self.configuration,
        body: (ExternalServer) async throws -> T
    ) async throws -> T {
        try await RunningServer.run(configuration: configuration) { server in
            let external = ExternalServer(server: server, client: try Client(http: server))
            for manifest in manifests { try await external.register(manifest, in: folder) }
            return try await body(external)
        }
    }

    func register(_ manifest: String, in folder: String = Self.programs) async throws {
        _ = try await client.result("env.register", ["manifest": .string(manifest), "folder": .string(folder)])
    }

    /// Makes a skeleton in a folder of its own, which goes afterwards.
    static func withSkeleton<T>(_ language: String, body: (String) async throws -> T) async throws -> T {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // Left-overs in /tmp are no failure of the test.
        let made = try await EndToEndTests.run(
            "/usr/bin/env", ["-C", folder, Products.rockctl, "env", "init", "--lang", language, "corridor"])
        try #require(made.status == 0, "\(made.errors)")
        return try await body(folder + "/corridor")
    }

    /// The folder of the programs that tests serve.
    static let programs = Products.client("").trimmingSuffix("/")

    /// The program that does wrong on request.
    static func hostile(_ more: String = "", id: String = "test:Hostile-v0") -> String {
        """
        env_id: \(id)
        command: [python3, -S, hostile_environment.py]
        directory: .
        kwargs: { deed: null }
        limits: { memory: 64m, line: 64k, processes: 16 }
        timeouts: { make: 20, reset: 20, step: 0.5 }
        \(more)
        """
    }

    /// The sandboxes that are on the disk.
    func sandboxes() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: server.dataDirectory + "/sandboxes")
            .filter { !$0.hasPrefix(".") && $0 != "jail" }
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
