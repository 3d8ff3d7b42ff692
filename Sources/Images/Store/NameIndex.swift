import GEM

/// Which name leads to which image: the content of `names.json`.
struct NameIndex {
    private let path: String
    private var digests: [String: Digest] = [:]

    /// Reads the index of the store in `folder`.
    init(_ folder: String) throws(Failure) {
        path = folder + "/names.json"
        guard let bytes = try Files.read(path, limit: 64 << 20) else { return }
        do {
            for (name, value) in try JSON(parsing: bytes.span).object?.members ?? [] {
                digests[name] = value.string.flatMap { Digest($0) }
            }
        } catch {
            throw Failure(.infraFailed, "\(path) is damaged: \(error). Restore it, or remove it and name images anew.")
        }
    }

    /// The image of a whole name.
    func digest(of name: String?) -> Digest? { name.flatMap { digests[$0] } }

    /// The names of an image as people write them, sorted.
    func names(of digest: Digest) -> [String] {
        digests.filter { $0.value == digest }.keys.sorted().map { (try? ImageReference($0).familiar) ?? $0 }
    }

    /// Whether any name leads to it.
    func hasName(for digest: Digest) -> Bool { digests.values.contains(digest) }

    /// Every image that has a name.
    var named: Set<Digest> { Set(digests.values) }

    mutating func set(_ name: String, to digest: Digest?) { digests[name] = digest }

    /// Removes the names that lead nowhere.
    mutating func keep(_ isKept: (Digest) -> Bool) { digests = digests.filter { isKept($0.value) } }

    /// Writes the index; under the store's lock.
    func save() throws(Failure) {
        var object = JSON.Object()
        for (name, digest) in digests.sorted(by: { $0.key < $1.key }) { object[name] = .string("\(digest)") }
        try Files.replace(path, with: JSON.object(object).serialized)
    }
}
