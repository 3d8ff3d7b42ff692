import Admin
import Envs
import Foundation
import GEM
import RemoteEnvironments
import SandboxHost
import Synchronization
import Testing

/// Environments of a real server behind the protocol of local ones.
@Suite(.timeLimit(.minutes(1))) struct RemoteEnvironmentTests {
    @Test(arguments: ["game:Sokoban-v0-easy", "game:Game2048-v0-easy", "game:Hangman-v0-easy", "rock:Maze-v0-easy"])
    func itPlaysWhatALocalOnePlays(_ id: String) async throws {
        try await withServer { server, _ in
            let spec = try EnvironmentRegistry(BuiltInEnvironments.specs).spec(id)
            var local = EpisodeDriver(try spec.make(try spec.arguments(from: .null), 1))
            var remote = EpisodeDriver(try RemoteEnvironment(id, over: server))
            var (one, other) = (Observation(), Observation())
            var action = Text()
            for seed in [Seed(3), 4] {
                try local.reset(seed: seed, observation: &one)
                try remote.reset(seed: seed, observation: &other)
                #expect(one == other)
                while local.state == .running {
                    try local.sampleAction(into: &action)
                    let proposed = action.bytes
                    try remote.sampleAction(into: &action)
                    #expect(action.bytes == proposed)
                    let wanted = try local.step(action.bytes.span, observation: &one)
                    let played = try remote.step(action.bytes.span, observation: &other)
                    #expect(played == wanted && one == other)
                }
                var (drawn, remotelyDrawn) = (Text(), Text())
                try local.render(.text, into: &drawn)
                try remote.render(.text, into: &remotelyDrawn)
                #expect(drawn == remotelyDrawn)
            }
        }
    }

    @Test func copiesGoOnByThemselvesAndTheLastOneClosesItsSandbox() async throws {
        try await withServer { carrier, server in
            do {
                var first = EpisodeDriver(try RemoteEnvironment("game:Sokoban-v0-easy", over: carrier))
                var seen = Observation()
                try first.reset(seed: 5, observation: &seen)
                var second = first
                #expect(server.environmentCount == 1)
                let up = Array(#"\boxed{up}"#.utf8)
                _ = try first.step(up.span, observation: &seen)
                #expect(server.environmentCount == 2)
                var other = Observation()
                _ = try second.step(up.span, observation: &other)
                #expect(seen == other && server.environmentCount == 2)
            }
            #expect(server.environmentCount == 0)
        }
    }

    @Test func aStateIsKeptAndGoesOnElsewhere() async throws {
        try await withServer { carrier, _ in
            let spec = try EnvironmentRegistry(BuiltInEnvironments.specs).spec("game:Game2048-v0-easy")
            var remote = try RemoteEnvironment("game:Game2048-v0-easy", over: carrier)
            var (one, other) = (Observation(), Observation())
            try remote.reset(seed: 9, observation: &one)
            var written = StateCoder()
            try remote.code(&written, hasEpisode: true)
            var read = StateCoder(reading: written.bytes)
            var again = try RemoteEnvironment("game:Game2048-v0-easy", over: carrier)
            try again.code(&read, hasEpisode: true)
            var local = try spec.make(try spec.arguments(from: .null), 1)
            try local.reset(seed: 9, observation: &one)
            let left = Array(#"\boxed{left}"#.utf8)
            one.clear()
            _ = local.step(left.span, observation: &one)
            _ = again.step(left.span, observation: &other)
            #expect(one == other)
        }
    }

    @Test func whatGoesWrongIsAFailureAndNeverAReward() async throws {
        #expect(throws: Failure.self) { try RemoteServer(url: "ftp://127.0.0.1") }
        #expect { try RemoteServer(url: "https://127.0.0.1") } throws: { ($0 as? Failure)?.kind == .invalidArgument }
        let orphan = Mutex<EpisodeDriver?>(nil)
        try await withServer { carrier, _ in
            #expect { try RemoteEnvironment("game:Sokobann-v0-easy", over: carrier) } throws: {
                ($0 as? Failure)?.kind == .unknownEnvironment
            }
            var driver = EpisodeDriver(try RemoteEnvironment("game:Sokoban-v0-easy", over: carrier))
            var seen = Observation()
            try driver.reset(seed: 1, observation: &seen)
            orphan.withLock { $0 = driver }
        }
        var seen = Observation()
        // The server has gone.
        #expect { _ = try orphan.withLock { try $0?.step(Array("x".utf8).span, observation: &seen) } } throws: {
            ($0 as? Failure)?.kind == .infraFailed
        }
    }

    /// A server of the test's own on a free port. `body` blocks its thread, as the remote environments do.
    private func withServer(_ body: @escaping @Sendable (RemoteServer, Server) throws -> Void) async throws {
        let folder = "/tmp/rock-remote-\(UUID().uuidString.prefix(8))"
        var configuration = ServerConfiguration(dataDirectory: folder)
        configuration.port = 0
        configuration.sandboxes.isolation = .bestEffort
        configuration.sandboxes.warmPool = 1
        configuration.sandboxes.rockletPath = Self.products.appendingPathComponent("rocklet").path
        let server = try await Server(configuration)
        let outcome = await withCheckedContinuation { continuation in
            Thread {
                continuation.resume(
                    returning: Result {
                        let url = try #require(server.url)
                        try body(try RemoteServer(url: url), server)
                    })
            }.start()
        }
        await server.shutDown(within: .seconds(2))
        try FileManager.default.removeItem(atPath: folder)
        try outcome.get()
    }

    /// The folder that holds this test bundle, and so the `rocklet` of the same configuration.
    private static let products: URL = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).standardizedFileURL.deletingLastPathComponent()
    }()
}
