import GEM
import Glibc
import Registry
import SandboxHost
import Testing
import Transport

@testable import Admin

/// The interface's door on a port of its own, with sandboxes that are processes of this machine.
final class DoorFixture: Sendable {
    let client: HTTPClient
    let address: SocketAddress
    let sandboxes: SandboxDirectory
    let registry: SandboxRegistry
    private let group: EventLoopGroup
    private let server: HTTPServer
    private let folder: String

    /// Runs `body` with a door, and puts everything away.
    static func with(
        keyRequired: Bool = false, origins: [String] = [], hosts: [String]? = nil,
        _ body: (DoorFixture) async throws -> Void
    ) async throws {
        var template = Array("/tmp/rock-door-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        let fixture = try await DoorFixture(folder, keyRequired, origins, hosts)
        do { try await body(fixture) } catch {
            await fixture.close()
            throw error
        }
        await fixture.close()
    }

    private init(_ folder: String, _ keyRequired: Bool, _ origins: [String], _ hosts: [String]?) async throws {
        self.folder = folder
        group = try EventLoopGroup(count: 1)
        registry = try SandboxRegistry(.init(path: folder + "/registry.db"))
        var runtime = ServerConfiguration.Runtime()
        (runtime.drivers, runtime.defaultDriver) = (["process"], "process")
        let machine = Machine(
            drivers: [ProcessDriver(folder: folder)], defaultDriver: "process", loops: group)
        sandboxes = SandboxDirectory(
            store: .success(registry), machine: machine, configuration: runtime,
            clock: DirectoryClock(loop: group.next())
        ) { complaint in Issue.record("\(complaint)") }
        await sandboxes.begin()
        let interface = Interface()
        var services = Services(
            interface: interface, registry: registry,
            metrics: Metrics(operations: interface.operations.map(\.name), version: "0"),
            logs: Logs(LogConfiguration(), times: registry.times))
        services.isKeyRequired = keyRequired
        services.sandboxes = sandboxes
        let door = InterfaceDoor(services: services, access: services.access, messageBytes: 8 << 20)
        let crossOrigin = CrossOrigin(allowedOrigins: origins, allowedHosts: hosts)
        server = HTTPServer(group: group) { request in
            if let origin = request.headers["Origin"] {
                return await crossOrigin.answer(request, from: origin) { await door.answer(request) }
            }
            if let refusal = crossOrigin.refusal(ofHost: request) { return refusal }
            return await door.answer(request)
        }
        address = try await server.start(on: .anyLoopbackPort)
        client = HTTPClient(address, on: group.next())
    }

    private func close() async {
        let live = (try? registry.list(SandboxQuery()))?.records.filter(\.state.isLive) ?? []
        for record in live { try? await sandboxes.stop(record.id, for: SandboxCaller()) }
        await server.shutDown(within: .zero)
        await sandboxes.shutDown()
        await registry.close()
        group.shutDown()
        if let listing = opendir(folder) {
            while let item = readdir(listing) {
                let name = withUnsafeBytes(of: item.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                for inner in ["agent.sock", "descriptors.sock"] { remove("\(folder)/\(name)/\(inner)") }
                if name != ".", name != ".." { remove("\(folder)/\(name)") }
            }
            closedir(listing)
        }
        rmdir(folder)
    }

    // MARK: - Asking

    struct Answer {
        let status: Int
        let headers: HTTPHeaders
        let body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSON { (try? JSON(parsing: body.span)) ?? .null }
        var error: String { json["error"]?.string ?? "" }
    }

    func ask(_ method: String, _ path: String, _ body: String = "", headers: [HTTPField] = []) async throws -> Answer {
        let response = try await client.send(
            HTTPClientRequest(method, path, headers: headers, body: Array(body.utf8)))
        return Answer(status: Int(response.status.rawValue), headers: response.headers, body: response.body)
    }

    /// Asks below ROCK's prefix.
    func rock(_ method: String, _ path: String, _ body: String = "", headers: [HTTPField] = []) async throws -> Answer {
        try await ask(method, Interface.sandboxes + path, body, headers: headers)
    }

    /// Starts a sandbox that is called `id`.
    func start(_ id: String, _ headers: [HTTPField] = []) async throws {
        let answer = try await rock("POST", "/start", #"{"sandbox_id":"\#(id)"}"#, headers: headers)
        try #require(answer.json["status"]?.string == "Success", "\(answer.text)")
    }

    func key(_ scope: APIScope, _ namespaces: [String] = []) async throws -> [HTTPField] {
        let token = try await registry.write { try $0.createKey(name: "k", scope: scope, namespaces: namespaces).token }
        return [HTTPField("Authorization", "Bearer \(token)")]
    }
}
