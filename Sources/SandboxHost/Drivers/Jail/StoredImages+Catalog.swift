package import GEM
package import Images

extension StoredImages: ImageCatalog {
    package func images() async throws(Failure) -> [DriverImage] {
        let images = try await blocking { [store] () throws(Failure) in try store.images() }
        return images.map { DriverImage($0) }
    }

    package func image(_ name: String) async throws(Failure) -> DriverImage {
        try await blocking { [store] () throws(Failure) in
            guard let image = try store.resolve(name) else { throw Self.unknown(name) }
            var described = DriverImage(image)
            described.configuration = try store.configuration(of: image).flatMap { try? JSON(parsing: $0.span) }
            return described
        }
    }

    package func remove(_ name: String) async throws(Failure) -> RemovedImages {
        try await blocking { [store] () throws(Failure) in
            guard try store.resolve(name) != nil else { throw Self.unknown(name) }
            return try store.remove(name)
        }
    }

    package func prune(_ rule: PruneRule) async throws(Failure) -> RemovedImages {
        try await blocking { [store] () throws(Failure) in try store.prune(rule) }
    }

    package func importTar(_ path: String, name: String?) async throws(Failure) -> [DriverImage] {
        let images = try await blocking { [store] () throws(Failure) in try store.importImages(path, name: name) }
        return images.map { DriverImage($0) }
    }

    private static func unknown(_ name: String) -> Failure {
        Failure(.notFound, "There is no image \(EngineText.line(name, limit: 200)) in the jail driver's store.")
    }
}

extension DriverImage {
    fileprivate init(_ image: Image) {
        self.init(digest: image.digest, names: image.names, size: image.size)
        created = image.configuration.created
        lastUsed = image.lastUsed
        architecture = image.configuration.architecture
        layers = image.layerDigests.map(\.description)
    }
}
