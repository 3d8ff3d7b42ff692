package import GEM
import Glibc
import Transport

/// What a clean-up removed.
package struct RemovedImages: Sendable, Equatable {
    /// Names that lead nowhere now.
    package var names: [String] = []
    /// Digests of the images that are gone.
    package var images: [String] = []
    package var layers = 0
    package var bytes: Int64 = 0

    package init() {}
}

/// What a clean-up removes beside images without a name and layers without an image. What a sandbox uses always stays.
package struct PruneRule: Sendable, Equatable {
    /// Also images that nobody used for this many seconds.
    package var unusedSeconds: Int64?
    /// Also as many images, those used longest ago first, as it takes to get down to so many bytes.
    package var keepBytes: Int64?
    /// Names that stay in any case.
    package var keepNames: [String] = []

    package init() {}
}

extension ImageStore {
    /// Lets another name lead to an image.
    package func tag(_ image: String, as name: String) throws(Failure) -> Image {
        let reference = try ImageReference(name)
        guard reference.digest == nil else {
            throw Failure(.invalidArgument, "'\(name)' holds a digest, which no name can choose; leave out the '@…'.")
        }
        return try lock.held { () throws(Failure) in
            var index = try NameIndex(folder)
            guard let digest = try find(image, among: index), let found = try self.image(digest) else {
                throw unknown(image)
            }
            index.set(reference.description, to: digest)
            try index.save()
            var image = found
            image.names = index.names(of: digest)
            return image
        }
    }

    /// Removes a name; and the image, where it was the last one. A digest removes the image with all its names.
    ///
    /// - Throws: ``Failure`` where there is no such image, or a sandbox uses it and it would go.
    package func remove(_ name: String) throws(Failure) -> RemovedImages {
        let work = try beginWork()
        defer { work.end() }
        return try lock.held { () throws(Failure) in
            var index = try NameIndex(folder)
            guard let digest = try find(name, among: index), try image(digest) != nil else { throw unknown(name) }
            var report = RemovedImages()
            if let reference = try? ImageReference(name), index.digest(of: reference.description) == digest {
                index.set(reference.description, to: nil)
                report.names = [reference.familiar]
            } else {
                report.names = index.names(of: digest)
                index.keep { $0 != digest }
            }
            if !index.hasName(for: digest) {
                guard try !leased().contains(digest) else {
                    throw Failure(
                        .invalidArgument,
                        "A sandbox uses the image \(name). Remove the sandbox first, or give the image another name.")
                }
                try delete(images: [digest], work, &report)
            }
            try index.save()
            return report
        }
    }

    /// Removes images without a name, layers without an image, and what `rule` says beyond.
    package func prune(_ rule: PruneRule = PruneRule()) throws(Failure) -> RemovedImages {
        let work = try beginWork()
        defer { work.end() }
        let now = Int64(time(nil))
        return try lock.held { () throws(Failure) in
            var index = try NameIndex(folder)
            let held = try leased()
            var kept: Set<Digest> = []
            for name in rule.keepNames { if let digest = try find(name, among: index) { kept.insert(digest) } }
            let images = try images().filter { Digest($0.digest) != nil }
            var going: Set<Digest> = []
            var remaining = images
            let isRemovable = { (image: Image) in
                Digest(image.digest).map { !held.contains($0) && !kept.contains($0) } ?? false
            }
            let go = { (image: Image) in
                if let digest = Digest(image.digest) { going.insert(digest) }
                remaining.removeAll { $0.digest == image.digest }
            }
            for image in images where isRemovable(image) {
                let isStale = rule.unusedSeconds.map { now - image.lastUsed >= $0 } ?? false
                if image.names.isEmpty || isStale { go(image) }
            }
            if let limit = rule.keepBytes {
                for image in images.reversed()
                where isRemovable(image) && !going.contains(where: { "\($0)" == image.digest }) {
                    if try layerBytes(remaining) <= limit { break }
                    go(image)
                }
            }
            var report = RemovedImages()
            report.names = going.flatMap { index.names(of: $0) }.sorted()
            index.keep { !going.contains($0) }
            try delete(images: going, work, &report)
            try index.save()
            return report
        }
    }

    /// Bytes of all images, each shared layer counted once.
    package func totalBytes() throws(Failure) -> Int64 { try layerBytes(try images()) }

    private func layerBytes(_ images: [Image]) throws(Failure) -> Int64 {
        var sum: Int64 = 0
        for layer in Set(images.flatMap(\.layerDigests)) { sum += try LayerRecord(layerPath(layer))?.bytes ?? 0 }
        return sum
    }

    /// Removes images, and the layers that no image and no work in progress needs. They are only moved away here; the end of `work`
    /// removes them, without the lock.
    private func delete(images: Set<Digest>, _ work: Workspace, _ report: inout RemovedImages) throws(Failure) {
        for digest in images {
            guard unlink(imagePath(digest)) == 0 || errno == ENOENT else { throw Failure("unlink", digest.hex, errno) }
            report.images.append("\(digest)")
        }
        report.images.sort()
        var needed = try claimed()
        for hex in try Files.names(in: folder + "/images") {
            guard let digest = Digest(hex: hex),
                let bytes = try Files.read(imagePath(digest), limit: limits.documentBytes)
            else { continue }
            needed.formUnion(try Self.parse(configuration: bytes, hex).1)
        }
        for hex in try Files.names(in: folder + "/layers") {
            guard let digest = Digest(hex: hex), !needed.contains(digest) else { continue }
            report.bytes += (try? LayerRecord(layerPath(digest)))??.bytes ?? 0
            report.layers += 1
            let gone = work.file("gone/\(hex)")
            guard rename(layerPath(digest), gone) == 0 else { throw Failure("rename", layerPath(digest), errno) }
        }
        try forgetSteps()
    }

    /// The layers that work in progress counts on.
    private func claimed() throws(Failure) -> Set<Digest> {
        var claimed: Set<Digest> = []
        for work in try Files.names(in: temporary) {
            for hex in try Files.names(in: "\(temporary)/\(work)/claims") {
                if let digest = Digest(hex: hex) { claimed.insert(digest) }
            }
        }
        return claimed
    }

    func unknown(_ name: String) -> Failure {
        Failure(.notFound, "There is no image '\(name)' here. 'rockctl image list' shows what there is.")
    }
}
