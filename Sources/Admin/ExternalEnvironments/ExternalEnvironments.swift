import Envs
import GEM
import SandboxHost
import Synchronization
import Transport

// Environments that others bring: a manifest, and a program in any language that speaks lines of JSON-RPC.
//
//   ExternalEnvironments.swift   what is registered, beside what is built in
//   ExternalEnvironments+Start.swift   from a make to a program that has made it
//   EnvironmentManifest*.swift   what a manifest says, and how it is read
//   ManifestFolder.swift         where manifests are kept
//   ExternalSandbox.swift        one program in its sandbox: calls in, answers out, its end
//   ProgramEpisodes*.swift       where its environments stand, and what may be asked of them
//   ProgramMessages.swift        requests and answers, checked
//   ProgramLine.swift            the lines to and from it
//   ProgramFault.swift           what it can do wrong, by name
//   CallTurns.swift              one call at a time

/// Every environment that can be made: those that come with Rock, and those that somebody has registered.
final class ExternalEnvironments: Sendable {
    /// The most that can be registered.
    private static let most = 1000

    let sandboxes: SandboxDirectory
    let loops: EventLoopGroup
    let starts: StartGate
    private let folder: ManifestFolder?
    private let builtIn: Set<EnvironmentID>
    private let state: Mutex<State>
    /// One change of the folder at a time.
    private let changes = CallTurns(limit: 64)

    private struct State {
        var registry: EnvironmentRegistry
        var manifests: [EnvironmentID: EnvironmentManifest] = [:]
    }

    /// Reads what has been registered before.
    ///
    /// - Parameters:
    ///   - folder: Where manifests are kept; `nil` keeps and finds none.
    ///   - sandboxes: Where programs run.
    ///   - loops: Carry their lines.
    ///   - complain: Told of manifests that cannot be read, which are passed over.
    /// - Throws: ``Failure`` where two of the built-in environments have one id.
    init(
        folder: String?, sandboxes: SandboxDirectory, loops: EventLoopGroup, complain: @Sendable (String) -> Void
    ) async throws(Failure) {
        self.sandboxes = sandboxes
        self.loops = loops
        self.folder = folder.map(ManifestFolder.init)
        starts = StartGate(limit: sandboxes.configuration.concurrentStarts)
        builtIn = Set(BuiltInEnvironments.specs.map(\.id))
        var initial = State(registry: try EnvironmentRegistry(BuiltInEnvironments.specs))
        for stored in await self.folder?.all(complain) ?? [] {
            do throws(Failure) {
                let manifest = try stored.manifest()
                try initial.registry.register(manifest.spec)
                initial.manifests[manifest.id] = manifest
            } catch {
                complain("A registered environment is not offered: \(error.message)")
            }
        }
        state = Mutex(initial)
    }

    /// What can be made.
    var registry: EnvironmentRegistry { state.withLock(\.registry) }

    /// What has been registered, sorted by id.
    var manifests: [EnvironmentManifest] {
        state.withLock { $0.manifests.values.sorted { $0.id.description < $1.id.description } }
    }

    /// The manifest of `id`; `nil` where that is built in or not there.
    func manifest(_ id: EnvironmentID) -> EnvironmentManifest? { state.withLock { $0.manifests[id] } }

    /// Registers an environment, or puts it in place of the one registered under its id. What is live goes on as it was made.
    ///
    /// - Parameter stored: The manifest, as it is kept.
    /// - Returns: What was registered.
    /// - Throws: ``Failure``: `invalidArgument` for what is wrong with the manifest, `conflict` for a built-in id, `infraFailed`
    ///   where it cannot be kept.
    func register(_ stored: StoredManifest) async throws(Failure) -> EnvironmentManifest {
        let manifest = try stored.manifest()
        guard !builtIn.contains(manifest.id) else {
            throw Failure(.conflict, "\(manifest.id) comes with Rock. Choose another name or namespace.")
        }
        if let driver = manifest.driver { _ = try sandboxes.machine.driver(driver) }
        try await ManifestFolder.checkFolders(of: manifest)
        try await changes.begin()
        defer { changes.end() }
        guard state.withLock({ $0.manifests.count < Self.most || $0.manifests[manifest.id] != nil }) else {
            throw Failure(.overloaded, "\(Self.most) environments are registered already. Unregister one first.")
        }
        try await needFolder().keep(stored, as: manifest.id)
        try state.withLock { (state) throws(Failure) in
            state.registry.remove(manifest.id)
            try state.registry.register(manifest.spec)
            state.manifests[manifest.id] = manifest
        }
        return manifest
    }

    /// Forgets a registered environment. What is live goes on.
    ///
    /// - Throws: ``Failure``: `notFound`; `conflict` for a built-in id.
    func unregister(_ name: String) async throws(Failure) {
        try await changes.begin()
        defer { changes.end() }
        guard let id = EnvironmentID(name), manifest(id) != nil else {
            if EnvironmentID(name).map(builtIn.contains) == true {
                throw Failure(.conflict, "\(name) comes with Rock and stays.")
            }
            let known = manifests.map(\.id.description)
            throw Failure(
                .notFound,
                "No environment is registered as \"\(name.prefix(128))\".\(Spelling.suggestion(for: name, among: known))"
            )
        }
        try await needFolder().forget(id)
        state.withLock { state in
            state.registry.remove(id)
            state.manifests[id] = nil
        }
    }

    private func needFolder() throws(Failure) -> ManifestFolder {
        guard let folder else {
            throw Failure(.infraFailed, "This server keeps no registry, so that nothing can be registered.")
        }
        return folder
    }
}
