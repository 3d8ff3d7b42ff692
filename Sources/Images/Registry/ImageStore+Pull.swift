package import GEM
import Glibc
import Synchronization
import Transport

/// When an image is asked of its registry.
package enum PullRule: String, CaseIterable, Sendable {
    /// It is here or it is not.
    case never
    /// Where it is not here.
    case missing
    /// In any case: a name may lead to something newer by now.
    case always
}

/// Threads for transfers, which take long: they would keep short calls waiting.
let transferPool = BlockingPool(threads: 6)

extension ImageStore {
    /// The image of this name, fetched from its registry if `rule` says so.
    ///
    /// Layers that are here already are not fetched again; the others come in parallel, are checked against their digests
    /// and resumed where a connection breaks.
    ///
    /// - Parameters:
    ///   - name: As for ``resolve(_:)``.
    ///   - rule: When the registry is asked.
    ///   - registries: How registries are spoken to.
    ///   - login: Who asks; `nil` asks anonymously.
    ///   - progress: Told how far it is, from several threads, often.
    /// - Returns: The image.
    /// - Throws: ``Failure`` whose message begins `Failed to pull image NAME.`; then the store is as before.
    package func image(
        _ name: String, pull rule: PullRule, from registries: RegistryConfiguration, login: RegistryLogin? = nil,
        progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
    ) async throws(Failure) -> Image {
        do {
            if rule != .always, let image = try await BlockingPool.run({ try self.resolve(name) }) { return image }
            guard rule != .never else {
                throw Failure(.notFound, "It is not here, and the pull policy is 'never'.")
            }
            let reference = try ImageReference(name)
            var failures: [Failure] = []
            for server in registries.servers(of: reference.registry) {
                let client = RepositoryClient(server, reference.repository, login: login, actions: "pull")
                do {
                    return try await withTaskCancellationHandler {
                        try await pull(reference, client, ProgressMeter(progress))
                    } onCancel: {
                        client.cancel()
                    }
                } catch {
                    failures.append(failure(error))
                    if Task.isCancelled { break }
                }
            }
            throw failures.last ?? Failure(.invalidArgument, "No registry is configured for it.")
        } catch {
            let cause = failure(error)
            throw Failure(cause.kind, "Failed to pull image \(name). \(cause.message)")
        }
    }

    private func pull(
        _ reference: ImageReference, _ client: RepositoryClient, _ meter: ProgressMeter
    ) async throws -> Image {
        let plan = try await transferPool.run { try PullPlan(reference, client, self.limits) }
        let (_, expected) = try Self.parse(configuration: plan.configuration, "The image")
        guard expected.count == plan.layers.count, plan.layers.count <= limits.layers else {
            throw Failure(.invalidArgument, "Its configuration does not fit its \(plan.layers.count) layers.")
        }
        let work = try beginWork()
        defer { work.end() }
        meter.change {
            $0.layers = plan.layers.count
            $0.bytes = plan.layers.reduce(0) { $0 + $1.size }
        }
        var firsts: [Digest: Descriptor] = [:]
        for (digest, layer) in zip(expected, plan.layers) { firsts[digest] = firsts[digest] ?? layer }
        var sources: [Digest: LayerSource] = [:]
        try await withThrowingTaskGroup(of: LayerSource.self) { group in
            var waiting = firsts.sorted { $0.value.size > $1.value.size }[...]
            var running = 0
            while running > 0 || !waiting.isEmpty {
                // Three at a time keep both the network and the processors busy.
                while running < 3, let (digest, layer) = waiting.popFirst() {
                    running += 1
                    group.addTask {
                        try await transferPool.run { try self.fetch(layer, digest, client, work, meter) }
                    }
                }
                guard let source = try await group.next() else { break }
                running -= 1
                sources[source.digest] = source
                meter.change { $0.layersDone += 1 }
            }
        }
        let layers = expected.compactMap { sources[$0] }
        return try await transferPool.run {
            try self.install(work, configuration: plan.configuration, layers: layers, names: [reference])
        }
    }

    /// Has a layer in the store or in `work`, and knows afterwards where a registry has it.
    private func fetch(
        _ layer: Descriptor, _ digest: Digest, _ client: RepositoryClient, _ work: Workspace, _ meter: ProgressMeter
    ) throws(Failure) -> LayerSource {
        if try claim(digest, for: work) {
            meter.change { $0.bytesDone += layer.size }
            return .present(digest)
        }
        let path = work.file("blob-\(layer.digest.hex)")
        defer { unlink(path) }
        try BlobDownload(layer, client, meter).run(into: path)
        let blob = try Files.open(path, O_RDONLY)
        let unpacked = try unpack(blob, "The layer \(layer.digest.short)", in: work) { (_: Int64) throws(Failure) in
            guard !client.isCancelled else { throw Failure(.infraFailed, "It was cancelled.") }
        }
        guard unpacked == digest else {
            throw Failure(
                .invalidArgument, "The layer \(layer.digest) holds \(unpacked), but its image wants \(digest).")
        }
        let folder = work.file("layers/\(digest.hex)")
        if var record = try LayerRecord(folder) {
            record.blobs = [
                .init(
                    digest: layer.digest, size: layer.size, mediaType: layer.mediaType,
                    place: "\(client.server.host)/\(client.repository)")
            ]
            try record.save(folder)
        }
        return .unpacked(digest)
    }
}

/// What a registry has of an image: its configuration, and which layers to fetch.
private struct PullPlan {
    let configuration: [UInt8]
    let layers: [Descriptor]

    init(_ reference: ImageReference, _ client: RepositoryClient, _ limits: ImageLimits) throws(Failure) {
        var selector = reference.selector
        for _ in 0..<4 {
            let bytes = try Self.manifest(selector, reference, client, limits)
            switch try Manifest(bytes, reference.familiar) {
            case .list(let manifests):
                guard let first = manifests.first else { continue }
                selector = "\(first.digest)"
            case .image(let configuration, let layers):
                let transfer = client.transfer("GET", "blobs/\(configuration.digest)")
                let (answer, body) = try client.document(transfer, limit: limits.documentBytes)
                guard answer.status == 200 else {
                    throw Failure(
                        .infraFailed, "\(client.server.host) does not give its configuration (status \(answer.status))."
                    )
                }
                guard Digest(of: body) == configuration.digest else {
                    throw Failure(.infraFailed, "Its configuration is not the one that \(configuration.digest) names.")
                }
                (self.configuration, self.layers) = (body, layers)
                return
            }
        }
        throw Failure(.invalidArgument, "\(reference.familiar) is an index of indexes without an image.")
    }

    private static func manifest(
        _ selector: String, _ reference: ImageReference, _ client: RepositoryClient, _ limits: ImageLimits
    ) throws(Failure) -> [UInt8] {
        let accept = "Accept: " + MediaType.accepted.joined(separator: ", ")
        let transfer = client.transfer("GET", "manifests/\(selector)", headers: [accept])
        let (answer, body) = try client.document(transfer, limit: limits.documentBytes)
        switch answer.status {
        case 200: break
        case 404:
            throw Failure(
                .notFound, "\(client.server.host) has no \(client.repository):\(selector)\(answer.complaint).")
        case 403:
            throw Failure(
                .invalidArgument, "\(client.server.host) denies access to \(client.repository)\(answer.complaint).")
        default:
            throw Failure(
                .infraFailed, "\(client.server.host) answers with status \(answer.status)\(answer.complaint).")
        }
        if let wanted = Digest(selector), wanted != Digest(of: body) {
            throw Failure(.infraFailed, "The manifest from \(client.server.host) is not the one that \(wanted) names.")
        }
        return body
    }
}
