package import GEM

/// The engine's images, and containers that nobody asks for any more.
extension DockerDriver: ImageUpkeep {
    package var driver: String { name }

    package func holdings() async throws(Failure) -> ImageHoldings {
        let engine = try engine()
        do {
            var holdings = ImageHoldings()
            holdings.images = try await images(engine).count
            holdings.bytes = try await bytes(engine)
            let root = try await engine.json(EngineCall("GET", "/info"))["DockerRootDir"]?.string
            // Of an engine on another machine nothing is known here.
            holdings.diskBytes = root.map(DiskSize.bytes) ?? 0
            return holdings
        } catch {
            throw error.failure("The engine's images cannot be looked at")
        }
    }

    package func evict(
        downTo bytes: Int64, keeping isKept: @escaping @Sendable ([String]) -> Bool, uses: [String: Int64]
    ) async throws(Failure) -> Evicted {
        let engine = try engine()
        do {
            var evicted = Evicted()
            var now = try await self.bytes(engine)
            guard now > bytes else { return evicted }
            let before = now
            let held = try await imagesInUse(engine)
            let lastUse = Self.lastUse(uses)
            for image in try await images(engine).sorted(by: { lastUse($0) < lastUse($1) }) {
                guard now > bytes, !Task.isCancelled else { break }
                guard !held.contains(image.id), !isKept(image.names) else { continue }
                // By name after name: an image with several goes with its last.
                for name in image.names.isEmpty ? [image.id] : image.names {
                    do {
                        _ = try await engine.bytes(EngineCall("DELETE", "/images/\(EngineText.escaped(name))"))
                        evicted.names.append(name)
                    } catch {
                        guard !error.isNotFound else { continue }
                        evicted.refusals.append("\(name): \(error.message)")
                    }
                }
                now = try await self.bytes(engine)
            }
            evicted.bytes = max(0, before - now)
            return evicted
        } catch {
            throw error.failure("The engine's images cannot be removed")
        }
    }

    package func evictBuildCache(downTo bytes: Int64) async throws(Failure) -> Evicted? {
        let engine = try engine()
        do {
            let answer = try await engine.json(
                EngineCall("POST", "/build/prune", query: [("keep-storage", String(bytes)), ("all", "true")])
                    .within(.seconds(600)))
            var evicted = Evicted()
            evicted.names = (answer["CachesDeleted"]?.array ?? []).compactMap(\.string)
            evicted.bytes = answer["SpaceReclaimed"]?.int.map(Int64.init) ?? 0
            return evicted
        } catch {
            // Podman keeps nothing beside images.
            if case .refused(404) = error.kind { return nil }
            if case .refused(405) = error.kind { return nil }
            throw error.failure("The engine's build cache cannot be removed")
        }
    }

    /// Removes this server's containers that do not run, of sandboxes that nobody wants.
    ///
    /// - Parameters:
    ///   - wanted: Sandboxes that somebody may still ask for.
    ///   - time: Only containers made before this second since 1970.
    /// - Returns: The names of the containers that are gone.
    /// - Throws: ``Failure`` where the engine does not answer.
    package func removeStrays(except wanted: Set<SandboxID>, madeBefore time: Int64) async throws(Failure) -> [String] {
        let engine = try engine()
        do {
            var removed: [String] = []
            for container in try await ownContainers(engine) {
                guard let id = container.labels[ContainerRequest.Label.sandbox].flatMap(SandboxID.init(rawValue:)),
                    !wanted.contains(id), sandbox(id) == nil, container.created < time
                else { continue }
                let state = try ContainerState(
                    try await engine.json(EngineCall("GET", "/containers/\(container.id)/json")))
                guard !state.isRunning else { continue }
                try await removeContainer(container.id)
                removed.append(container.name)
            }
            return removed
        } catch {
            throw error.failure("Containers that no sandbox uses cannot be removed")
        }
    }

    // MARK: What the engine says

    private struct KeptImage {
        let id: String
        let names: [String]
        /// Seconds since 1970.
        let created: Int64
    }

    private func images(_ engine: Engine) async throws(EngineError) -> [KeptImage] {
        let list = try await engine.json(EngineCall("GET", "/images/json"))
        return (list.array ?? []).compactMap { entry in
            guard let id = entry["Id"]?.string else { return nil }
            let names = (entry["RepoTags"]?.array ?? []).compactMap(\.string).filter { !$0.hasPrefix("<none>") }
            return KeptImage(id: id, names: names, created: Int64(entry["Created"]?.int ?? 0))
        }
    }

    /// Tells when an image was last used: made, or taken for a sandbox.
    private static func lastUse(_ uses: [String: Int64]) -> (KeptImage) -> Int64 {
        var byName: [String: Int64] = [:]
        for (name, time) in uses { byName[shortName(name), default: 0] = max(byName[shortName(name)] ?? 0, time) }
        return { image in image.names.compactMap { byName[shortName($0)] }.reduce(image.created, max) }
    }

    /// One spelling for the names that engines and people have for an image.
    private static func shortName(_ name: String) -> String {
        guard let full = ImageName(name) else { return name }
        var short = full.reference[...]
        for prefix in ["docker.io/", "localhost/", "library/"] where short.hasPrefix(prefix) {
            short = short.dropFirst(prefix.count)
        }
        return String(short)
    }

    /// What all images take; layers that several share count once where the engine can tell.
    private func bytes(_ engine: Engine) async throws(EngineError) -> Int64 {
        let usage = try await engine.json(EngineCall("GET", "/system/df").within(.seconds(300)))
        if let layers = usage["LayersSize"]?.int, layers > 0 { return Int64(layers) }
        return (usage["Images"]?.array ?? []).reduce(0) { sum, image in
            sum + Int64(image["Size"]?.int ?? 0) - Int64(max(0, image["SharedSize"]?.int ?? 0))
        }
    }

    /// The images of all containers there are, running or not, whoever made them.
    private func imagesInUse(_ engine: Engine) async throws(EngineError) -> Set<String> {
        let list = try await engine.json(EngineCall("GET", "/containers/json", query: [("all", "true")]))
        return Set(
            (list.array ?? []).compactMap { $0["ImageID"]?.string }.map {
                $0.hasPrefix("sha256:") ? $0 : "sha256:" + $0
            })
    }
}
