import GEM
import Registry
import SandboxHost

extension Interface {
    /// Environments that others bring: their manifests, and what their programs say when they fail.
    static let environmentOperations: [Operation] = [
        Operation(
            name: "env.register", verbs: [.post], path: administration + "/environments",
            summary: "Registers an environment by its manifest, or puts a new manifest in place of the old",
            scope: .admin,
            body: .json([
                .required("manifest", .text(least: 1, most: EnvironmentManifest.byteLimit), "YAML"),
                .optional("folder", .text(least: 1, most: 4096), "What relative paths in it are below, on the server"),
                .optional("name", .text(least: 1, most: 4096), "What to call the manifest in errors"),
            ]), form: .envelope(failure: "register failed"), result: registered, isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let stored = StoredManifest(
                    text: Array((call.text("manifest") ?? "").utf8), name: call.text("name") ?? "manifest",
                    folder: call.text("folder"))
                let manifest = try await services.needEnvironments().external.register(stored)
                return json { $0.registered(manifest) }
            }),
        Operation(
            name: "env.unregister", verbs: [.delete], path: administration + "/environments/{env_id}",
            summary: "Forgets a registered environment; what was made of it goes on", scope: .admin, form: .bare,
            result: .object(.required("env_id", .text)), isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let id = call.text("env_id") ?? ""
                try await services.needEnvironments().external.unregister(id)
                return json { writer in
                    writer.beginObject()
                    writer.name("env_id")
                    writer.string(id)
                    writer.endObject()
                }
            }),
        Operation(
            name: "env.registered", verbs: [.get], path: administration + "/environments",
            summary: "The registered environments, without the values of their variables", scope: .read, form: .bare,
            result: .object(.required("environments", .list(of: registered))),
            action: .value { (_, services) async throws(Failure) -> [UInt8] in
                let manifests = try services.needEnvironments().external.manifests
                return json { writer in
                    writer.beginObject()
                    writer.name("environments")
                    writer.beginArray()
                    for manifest in manifests { writer.registered(manifest) }
                    writer.endArray()
                    writer.endObject()
                }
            }),
        Operation(
            name: "env.logs", verbs: [.get], path: administration + "/environments/live/{sandbox_id}/log",
            summary: "The last that an environment's program wrote to its standard error", scope: .user, form: .bare,
            result: .object(.required("sandbox_id", .text), .required("log", .text)),
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let environment = try services.needEnvironments().environment(call.sandboxID)
                guard let sandbox = environment.sandbox as? ExternalSandbox else {
                    throw Failure(
                        .invalidArgument, "\(environment.request.environment) comes with Rock and keeps no log.")
                }
                let log = try await sandbox.log()
                return json { writer in
                    writer.beginObject()
                    writer.name("sandbox_id")
                    writer.string(call.sandboxID)
                    writer.name("log")
                    writer.string(String(decoding: log, as: UTF8.self))
                    writer.endObject()
                }
            }),
    ]

    private static let registered = Schema.object(
        .required("env_id", .text), .required("summary", .text), .required("command", .list(of: .text)),
        .required("image", .text), .required("runtime", Schema(.text(0...64, isSecret: false), isNullable: true)),
        .required("directory", Schema(.text(0...4096, isSecret: false), isNullable: true)),
        .required("network", .any), .required("variables", .list(of: .text)), .required("observation", .text))
}

extension Services {
    /// The environments.
    ///
    /// - Throws: ``Failure`` while the server is still starting.
    fileprivate func needEnvironments() throws(Failure) -> EnvironmentDirectory {
        guard let environments else { throw Failure(.infraFailed, "The server serves no environments yet.") }
        return environments
    }
}

extension JSONWriter {
    fileprivate mutating func registered(_ manifest: EnvironmentManifest) {
        beginObject()
        name("env_id")
        string(manifest.id.description)
        name("summary")
        string(manifest.summary)
        name("command")
        value(.array(manifest.command.map(JSON.string)))
        name("image")
        string(manifest.image)
        name("runtime")
        value(manifest.driver.map(JSON.string) ?? .null)
        name("directory")
        value(manifest.directory.map(JSON.string) ?? .null)
        name("network")
        switch manifest.network {
        case .none: string("none")
        case .outbound: string("outbound")
        case .allow(let names): value(.array(names.map(JSON.string)))
        }
        name("variables")
        value(.array(manifest.variables.keys.sorted().map(JSON.string)))
        name("observation")
        string(manifest.observation)
        endObject()
    }
}
