import Admin
import GEM
import Glibc
import Registry
import SandboxHost

/// A server inside this process, usually without a port, in a directory that goes with it.
struct EmbeddedServer: RPCCarrier {
    private let server: Server
    private let directory: String

    /// - Parameters:
    ///   - sandboxes: How many will be used at a time.
    ///   - isolation: Which walls must hold.
    ///   - listensOnTCP: Whether others on this machine can reach it too.
    ///   - filling: Puts a registry into the server's directory before it starts; without it none is kept.
    /// - Throws: ``CommandError`` where it cannot be started; nothing is left behind then.
    init(
        sandboxes: Int, isolation: MinimumIsolation, listensOnTCP: Bool = false,
        filling: ((String) async throws -> Void)? = nil
    ) async throws {
        directory = try Self.makeDirectory()
        var configuration = ServerConfiguration(dataDirectory: directory)
        configuration.listensOnTCP = listensOnTCP
        configuration.port = 0
        configuration.keepsRegistry = filling != nil
        configuration.sandboxes.isolation = isolation
        // The jails wanted at once are ready when the first `make` comes; a pool beyond them would only be thrown away.
        configuration.sandboxes.warmPool = min(sandboxes, 64)
        do {
            try await filling?(directory)
            server = try await Server(configuration)
        } catch {
            removeTree(directory)
            throw (error as? Failure).map { CommandError($0) as any Error } ?? error
        }
    }

    /// Where it listens, if it was told to: a free port of the loopback interface.
    var url: String? { server.url }

    /// What it keeps of sandboxes; `nil` where it was told to keep nothing.
    var registry: SandboxRegistry? { server.registry }

    /// The walls around every sandbox.
    var isolation: IsolationReport { server.isolation }

    func exchange(_ message: [UInt8]) async throws -> [UInt8] { await server.answer(rpc: message) ?? [] }

    func close() async {
        // In a task of its own: an interrupted command is cancelled, and its clean-up must not be.
        await Task { await server.shutDown(within: .seconds(2)) }.value
        removeTree(directory)
    }

    /// Runs `body` with a directory that goes afterwards.
    static func withDirectory<Value: Sendable>(
        below parent: String = "/tmp", _ body: (String) async throws -> Value
    ) async throws -> Value {
        let directory = try makeDirectory(below: parent)
        defer { removeTree(directory) }
        return try await body(directory)
    }

    private static func makeDirectory(below parent: String = "/tmp") throws -> String {
        // A socket's path is short, so this is not put below a long TMPDIR.
        var template = Array("\(parent)/rockctl-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw CommandError(.failure, "cannot make a directory in \(parent): \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// Removes the directory at `path`, which is this process's own, with everything in it.
private func removeTree(_ path: String) {
    if let folder = opendir(path) {
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            // Links are removed, never followed.
            if unlink("\(path)/\(name)") != 0, errno == EISDIR || errno == EPERM { removeTree("\(path)/\(name)") }
        }
        closedir(folder)
    }
    rmdir(path)
}
