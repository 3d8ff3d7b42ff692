import GEM
import Glibc
import Images

extension DockerDriver {
    package var imageCatalog: (any ImageCatalog)? { DockerCatalog(driver: self) }
}

/// The images that the engine keeps.
struct DockerCatalog: ImageCatalog {
    let driver: DockerDriver

    func images() async throws(Failure) -> [DriverImage] {
        let list = try await ask(EngineCall("GET", "/images/json"), "The engine's images cannot be listed")
        return (list.array ?? []).compactMap { entry in
            guard let digest = entry["Id"]?.string else { return nil }
            var image = DriverImage(
                digest: Self.full(digest), names: Self.names(entry["RepoTags"]), size: Int64(entry["Size"]?.int ?? 0))
            image.created = entry["Created"]?.int.map(Self.time) ?? ""
            return image
        }
    }

    func image(_ name: String) async throws(Failure) -> DriverImage {
        let entry = try await ask(
            EngineCall("GET", "/images/\(try Self.path(name))/json"),
            "The image \(EngineText.line(name)) cannot be looked at"
        )
        var image = DriverImage(
            digest: Self.full(entry["Id"]?.string ?? ""), names: Self.names(entry["RepoTags"]),
            size: Int64(entry["Size"]?.int ?? 0))
        image.created = entry["Created"]?.string ?? ""
        image.architecture = entry["Architecture"]?.string ?? ""
        image.layers = entry["RootFS"]?["Layers"]?.array?.compactMap(\.string) ?? []
        image.configuration = ["config": entry["Config"] ?? .null]
        return image
    }

    func remove(_ name: String) async throws(Failure) -> RemovedImages {
        let before = try await image(name)
        let list = try await ask(
            EngineCall("DELETE", "/images/\(try Self.path(name))"),
            "The image \(EngineText.line(name)) cannot be removed")
        var report = Self.report(list)
        // Engines do not say how much an image took that is gone.
        if report.images.contains(before.digest) { report.bytes = before.size }
        return report
    }

    func prune(_ rule: PruneRule) async throws(Failure) -> RemovedImages {
        guard rule == PruneRule() else {
            throw Failure(
                .invalidArgument,
                "The container engine does not know when images were used: it removes those without a name only.")
        }
        let answer = try await ask(
            EngineCall("POST", "/images/prune", query: [("filters", #"{"dangling":["true"]}"#)])
                .within(driver.configuration.transferLimit), "The engine's images cannot be cleaned up")
        var report = Self.report(answer["ImagesDeleted"] ?? .null)
        report.bytes = Int64(answer["SpaceReclaimed"]?.int ?? 0)
        return report
    }

    func importTar(_ path: String, name: String?) async throws(Failure) -> [DriverImage] {
        throw Failure(
            .invalidArgument, "Images come into the container engine by its own program: docker load, or podman load.")
    }

    // MARK: What engines say

    private func ask(_ call: EngineCall, _ deed: String) async throws(Failure) -> JSON {
        let engine = try driver.engine()
        do throws(EngineError) {
            return try await engine.json(call)
        } catch {
            guard error.isNotFound else { throw error.failure(deed) }
            throw Failure(.notFound, "\(deed): the container engine does not have it.")
        }
    }

    /// A name or a digest for a path.
    private static func path(_ name: String) throws(Failure) -> String {
        if let known = ImageName(name) { return known.reference }
        let digits = name.hasPrefix("sha256:") ? name.dropFirst(7) : name[...]
        guard 12...64 ~= digits.utf8.count, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            throw Failure(.invalidArgument, "\(EngineText.line(name)) is no image's name.")
        }
        return name
    }

    private static func names(_ tags: JSON?) -> [String] {
        (tags?.array ?? []).compactMap(\.string).filter { !$0.hasPrefix("<none>") }.map {
            EngineText.line($0, limit: 1024)
        }
    }

    private static func full(_ digest: String) -> String {
        EngineText.line(digest.hasPrefix("sha256:") ? digest : "sha256:" + digest, limit: 80)
    }

    private static func report(_ list: JSON) -> RemovedImages {
        var report = RemovedImages()
        for entry in list.array ?? [] {
            if let name = entry["Untagged"]?.string, !name.contains("@") { report.names.append(EngineText.line(name)) }
            if let digest = entry["Deleted"]?.string { report.images.append(full(digest)) }
        }
        return report
    }

    /// Seconds since 1970 as RFC 3339.
    private static func time(_ seconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
