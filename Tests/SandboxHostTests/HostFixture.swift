import GEM
import Glibc
import Synchronization
import Testing
import Transport

@testable import SandboxHost

/// The loops that all tests of this process share.
let testLoops: EventLoopGroup = {
    do { return try EventLoopGroup(count: 2) } catch { fatalError("no event loops: \(error)") }
}()

/// Where the build put its programs: beside the one that runs the tests.
let buildFolder: String = {
    var path = [UInt8](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let text = String(decoding: path.prefix(max(0, count)), as: UTF8.self)
    return String(text[..<(text.lastIndex(of: "/") ?? text.startIndex)])
}()

/// A folder of its own under /tmp; gone after `body`.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/rock-host-\(SandboxID.random().rawValue.prefix(12))"
    try #require(mkdir(path, 0o700) == 0)
    defer {
        for name in KernelFile.names(in: path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }
    return try await body(path)
}

/// A host of its own, whose sandboxes do what they are told by ``Sandbox/attempt(_:)``.
///
/// Afterwards it is shut down and its run directory must be empty.
func withHost<Result>(
    _ change: (inout HostConfiguration) -> Void = { _ in }, _ body: (SandboxHost) async throws -> Result
) async throws -> Result {
    try await withFolder { folder in
        var configuration = HostConfiguration(runDirectory: folder, rockletPath: "\(buildFolder)/rocklet-hostile")
        configuration.warmPoolSize = 2
        change(&configuration)
        let host = try await SandboxHost(configuration, loops: testLoops)
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(host)) } catch { result = .failure(error) }
        await host.shutDown()
        #expect(KernelFile.names(in: folder) == [])
        return try result.get()
    }
}

/// What several tasks have seen, in the order they saw it.
final class Record<Element: Sendable>: Sendable {
    private let list = Mutex<[Element]>([])

    var elements: [Element] { list.withLock { $0 } }

    func add(_ element: Element) { list.withLock { $0.append(element) } }
}

extension SandboxHost {
    /// A sandbox with the hostile environment in it, reset.
    func makeHostile(limits: Limits? = nil, onEnd: (@Sendable (Failure) -> Void)? = nil) async throws -> Sandbox {
        let sandbox = try await make(limits: limits, onEnd: onEnd)
        let reply = try await sandbox.call("make", params: Array(#"{"env_id":"test:Hostile-v0"}"#.utf8))
        guard case .result = reply else { throw Failure(.internalError, "\(reply)") }
        _ = try await sandbox.call("reset", params: Array("{}".utf8))
        return sandbox
    }
}

extension Sandbox {
    func call(_ method: StaticString, params: [UInt8]) async throws(Failure) -> Reply {
        try await call(method, params: params, limit: .seconds(30))
    }

    /// Has the hostile environment try `deed`.
    ///
    /// - Returns: What came of it: the observation's first line.
    @discardableResult
    func attempt(_ deed: String, limit: Duration = .seconds(30)) async throws(Failure) -> String {
        let escaped = deed.map { character in
            switch character {
            case "\"", "\\": "\\\(character)"
            case "\n": "\\n"
            default: String(character)
            }
        }.joined()
        switch try await call("step", params: Array("{\"action\":\"\(escaped)\"}".utf8), limit: limit) {
        case .result(let bytes):
            let observation = try? JSON(parsing: String(decoding: bytes, as: UTF8.self))["observation"]?.string
            return String(observation?.split(separator: "\n").first ?? "")
        case .error(let bytes): return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// Has it try `deed`, and returns once the call is on its way.
    func begin(_ deed: String, limit: Duration = .seconds(30)) async -> Task<Failure?, Never> {
        let loop = testLoops.loops[0]
        let task = Task(executorPreference: loop) { await self.failure(after: deed, limit: limit) }
        // A loop runs its jobs in order, each up to its first suspension: this one runs when the call has been made.
        await withCheckedContinuation { continuation in loop.execute { continuation.resume() } }
        return task
    }

    /// What `deed` ends the sandbox with; `nil` where it survives.
    func failure(after deed: String, limit: Duration = .seconds(30)) async -> Failure? {
        do throws(Failure) {
            try await attempt(deed, limit: limit)
            return nil
        } catch {
            return error
        }
    }
}
