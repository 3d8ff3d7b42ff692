import GEM
import Glibc
import RockletServices
import Testing

@testable import SandboxHost
@testable import Transport

/// A rocklet's two sockets in this process, over a folder of its own.
struct AgentFixture: Sendable {
    let agent: SandboxAgent
    /// What is `/` inside.
    let root: String
    /// Where the sockets are.
    let folder: String
    let loop: EventLoop

    func write(_ path: String, _ bytes: [UInt8]) throws {
        let file = OwnedDescriptor(
            try SystemCallError.check(open(root + path, O_WRONLY | O_CREAT | O_TRUNC, 0o600), "open", path))
        #expect(Glibc.write(file.rawValue, bytes, bytes.count) == bytes.count)
    }

    func read(_ path: String) -> [UInt8]? {
        let descriptor = open(root + path, O_RDONLY)
        return descriptor < 0 ? nil : contents(of: OwnedDescriptor(descriptor))
    }

    /// The names in a folder of the tree.
    func names(_ path: String) -> [String] {
        guard let folder = opendir(root + path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) { names.append(name(of: entry)) }
        return names.filter { $0 != "." && $0 != ".." }.sorted()
    }
}

/// Everything in a file, from its beginning.
func contents(of file: borrowing OwnedDescriptor) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = pread(file.rawValue, &piece, piece.count, bytes.count), count > 0 {
        bytes += piece[..<count]
    }
    return bytes
}

/// Runs `body` with an agent whose HTTP server answers with `handler`, and whose descriptor service is `serve` or, by
/// default, the rocklet's own.
func withAgent<Result: Sendable>(
    handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse = { _ in .json(.ok, []) },
    serve: (@Sendable (PacketSocket) async -> Void)? = nil,
    _ body: (AgentFixture) async throws -> Result
) async throws -> Result {
    var template = Array("/tmp/rock-agent-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    #expect(mkdir(folder + "/root", 0o755) == 0)
    let group = try EventLoopGroup(count: 1)
    let clients = try EventLoop(name: "clients")
    let http = HTTPServer(group: group, handler: handler)
    let service = DescriptorService(try FileTree(root: folder + "/root"))
    let packets = PacketServer(on: group.loops[0], serve: serve ?? { await service.serve($0) })
    let result: Swift.Result<Result, any Error>
    do {
        try await http.start(on: .unix(path: folder + "/agent.sock"))
        try await packets.start(at: folder + "/descriptors.sock")
        let agent = SandboxAgent(
            AgentAddress(folder: folder), of: try #require(SandboxID(rawValue: "s1")), on: clients)
        result = .success(
            try await body(AgentFixture(agent: agent, root: folder + "/root", folder: folder, loop: clients)))
    } catch {
        result = .failure(error)
    }
    await packets.stop()
    await http.shutDown(within: .seconds(1))
    clients.shutDown()
    group.shutDown()
    removeTree(folder)
    return try result.get()
}

private func removeTree(_ path: String) {
    if let folder = opendir(path) {
        var names: [String] = []
        while let entry = readdir(folder) { names.append(name(of: entry)) }
        closedir(folder)
        var status = stat()
        let isFolder = lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        if isFolder { for name in names where name != "." && name != ".." { removeTree("\(path)/\(name)") } }
    }
    remove(path)
}

private func name(of entry: UnsafeMutablePointer<dirent>) -> String {
    withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
