package import GEM
import Synchronization
import Transport

/// Images: the engine fetches, keeps and sends them.
extension DockerDriver {
    package func prepare(
        image: String, pull: PullPolicy, credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) {
        _ = try await resolve(image, pull, credentials, report: report)
    }

    /// Makes sure that the engine has an image.
    ///
    /// - Parameters:
    ///   - image: The image's name.
    ///   - policy: When to fetch it.
    ///   - credentials: For its registry.
    ///   - report: Told how far a pull is.
    /// - Returns: The image's own digest, `sha256:…`, and whether it was there already.
    /// - Throws: ``Failure`` whose message begins with `Failed to pull image` and the image's name.
    func resolve(
        _ image: String, _ policy: PullPolicy, _ credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) -> (digest: String, wasThere: Bool) {
        guard image != SandboxSpecification.hostImage else {
            throw Failure(
                .invalidArgument,
                "The docker driver cannot run the host's own tree. Name an image, or use the runtime jail.")
        }
        guard let name = ImageName(image) else {
            throw Failure(.invalidArgument, "Failed to pull image \(EngineText.line(image)). That is no image's name.")
        }
        let engine = try engine()
        if policy != .always {
            do {
                return (try await digest(of: name, engine), true)
            } catch {
                guard error.isNotFound else { throw error.failure("Failed to pull image \(image).") }
            }
            guard policy == .missing else {
                throw Failure(
                    .notFound,
                    "Failed to pull image \(image). The container engine does not have it, and it is not to be pulled "
                        + "(pull policy never).")
            }
        }
        let key = [name.reference, credentials?.username ?? "", credentials?.password ?? ""].joined(separator: "\0")
        do {
            let digest = try await pulls.join(key, on: loops.next(), report: report) { [configuration] report in
                let progress = Mutex(TransferProgress())
                let call = EngineCall("POST", "/images/create", query: [("fromImage", name.reference)])
                    .authorized(credentials, for: name).within(configuration.transferLimit)
                try await engine.lines(call) { json in
                    let message: String? = progress.withLock { $0.note(json) ? $0.message : nil }
                    if let message { report(message) }
                }
                if let failure = progress.withLock(\.failure) {
                    throw EngineError(kind: .refused(500), message: failure)
                }
                return try await self.digest(of: name, engine)
            }
            return (digest, false)
        } catch let error as EngineError {
            throw Failure(
                error.kind == .timedOut ? .timeout : .infraFailed,
                "Failed to pull image \(image). \(error.message)")
        } catch {
            throw Failure(.infraFailed, "Failed to pull image \(image). \(error)")
        }
    }

    private func digest(of name: ImageName, _ engine: Engine) async throws(EngineError) -> String {
        let json = try await engine.json(EngineCall("GET", "/images/\(name.reference)/json"))
        guard let digest = json["Id"]?.string, digest.hasPrefix("sha256:") else {
            throw EngineError(kind: .garbage, message: "The container engine describes the image without its digest.")
        }
        return digest
    }

    package func commit(
        _ id: SandboxID, tag: String, push: Bool, credentials: RegistryCredentials?
    ) async throws(Failure) -> CommittedImage {
        guard let name = ImageName(tag), name.digest.isEmpty else {
            throw Failure(.invalidArgument, "commit: \"\(EngineText.line(tag))\" is no name for an image.")
        }
        let engine = try engine()
        let container = containerName(id)
        if push, let credentials {
            // First: a wrong password is to be found out before the work is done.
            do {
                try await engine.perform(
                    EngineCall(
                        "POST", "/auth",
                        body: [
                            "username": .string(credentials.username), "password": .string(credentials.password),
                            "serveraddress": .string(name.registry),
                        ]))
            } catch {
                // Podman tries this with TLS only, also where the registry is configured to do without: the push will tell.
                if Self.isRejection(error) {
                    throw error.failure("login: the registry \(name.registry) does not let in \(credentials.username)")
                }
            }
        }
        let digest: String
        do {
            digest = try await commit(container, as: name, engine)
        } catch {
            if error.isNotFound {
                throw Failure(.unknownSandbox, "commit: the container engine has no container of sandbox \(id).")
            }
            throw error.failure("commit: no image can be made of sandbox \(id)")
        }
        guard push else { return CommittedImage(name: name.reference, digest: digest, wasPushed: false) }
        do {
            let pushed = try await self.push(name, credentials, engine)
            return CommittedImage(name: name.reference, digest: pushed ?? digest, wasPushed: true)
        } catch {
            if let credentials, Self.isRejection(error) {
                throw error.failure("login: the registry \(name.registry) does not let in \(credentials.username)")
            }
            throw error.failure("push: the image \(name.reference) cannot be sent to its registry")
        }
    }

    /// Whether a registry has turned somebody away. Engines pass on its words in their own.
    private static func isRejection(_ error: EngineError) -> Bool {
        if error.kind == .refused(401) || error.kind == .refused(403) { return true }
        let words = error.message.lowercased()
        return ["unauthorized", "authentication required", "invalid username/password", "access denied"]
            .contains { words.contains($0) }
    }

    /// Makes an image that starts as the sandbox's own image does, and is not mistaken for a sandbox of this server's.
    private func commit(_ container: String, as name: ImageName, _ engine: Engine) async throws(EngineError) -> String {
        let state = try ContainerState(try await engine.json(EngineCall("GET", "/containers/\(container)/json")))
        let original = try await engine.json(EngineCall("GET", "/images/\(state.image)/json"))[
            "Config"]
        // Docker takes an empty list of a change for no change at all, and a list of the body's for what it is; Podman
        // reads changes only.
        let entrypoint = original?["Entrypoint"]?.array ?? []
        let isDocker = try await engine.identify().product == .docker
        let body: JSON = isDocker ? ["Entrypoint": .array(entrypoint)] : .object(JSON.Object())
        var changes = ["CMD \(Self.list(original?["Cmd"]))"]
        if !isDocker { changes.append("ENTRYPOINT \(Self.list(.array(entrypoint)))") }
        if let user = original?["User"]?.string, !user.isEmpty { changes.append("USER \(EngineText.line(user))") }
        for label in state.labels.keys.sorted() where label.hasPrefix("rock.") {
            changes.append("LABEL \(JSON.quoted(label))=\"\"")
        }
        let query =
            [("container", container), ("repo", name.repository), ("tag", name.tag), ("pause", "true")]
            + changes.map { ("changes", $0) }
        let answer = try await engine.json(
            EngineCall("POST", "/commit", query: query, body: body)
                .within(configuration.transferLimit))
        guard let digest = answer["Id"]?.string else {
            throw EngineError(kind: .garbage, message: "The container engine does not name the image it made.")
        }
        return digest.hasPrefix("sha256:") ? digest : "sha256:" + digest
    }

    /// The argument vector of an image as a list in a Dockerfile.
    private static func list(_ json: JSON?) -> String {
        let words = json?.array?.compactMap(\.string) ?? []
        return String(decoding: JSON.array(words.map { .string($0) }).serialized, as: UTF8.self)
    }

    private func push(
        _ name: ImageName, _ credentials: RegistryCredentials?, _ engine: Engine
    ) async throws(EngineError) -> String? {
        let progress = Mutex(TransferProgress())
        let call = EngineCall(
            "POST", "/images/\(name.repository)/push", query: [("tag", name.tag)]
        ).authorized(credentials, for: name).within(configuration.transferLimit)
        try await engine.lines(call) { json in _ = progress.withLock { $0.note(json) } }
        if let failure = progress.withLock(\.failure) { throw EngineError(kind: .refused(500), message: failure) }
        return progress.withLock(\.digest)
    }
}

extension JSON {
    /// `text` between double quotes, escaped.
    fileprivate static func quoted(_ text: String) -> String {
        String(decoding: JSON.string(text).serialized, as: UTF8.self)
    }
}
