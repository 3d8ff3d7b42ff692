/// The environments that can be made, by id.
public struct EnvironmentRegistry: Sendable {
    private var specs: [String: EnvironmentSpec] = [:]

    /// A registry without environments.
    public init() {}

    /// A registry of `specs`.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` where two of them have the same id.
    public init(_ specs: [EnvironmentSpec]) throws(Failure) {
        for spec in specs { try register(spec) }
    }

    /// Adds `spec`.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` where its id is taken; the registry is then unchanged.
    public mutating func register(_ spec: EnvironmentSpec) throws(Failure) {
        let id = spec.id.description
        guard specs[id] == nil else {
            throw Failure(.invalidArgument, "\(id) is registered already; give a changed environment a new version.")
        }
        specs[id] = spec
    }

    /// Removes the spec of `id`, if there is one.
    public mutating func remove(_ id: EnvironmentID) { specs[id.description] = nil }

    /// The spec of the environment called `id`.
    ///
    /// - Throws: ``Failure`` of kind `unknownEnvironment`, which names the ids that look most like it.
    public func spec(_ id: String) throws(Failure) -> EnvironmentSpec {
        if let spec = specs[id] { return spec }
        let suggestion = Spelling.suggestion(for: id, among: Array(specs.keys))
        throw Failure(
            .unknownEnvironment,
            "There is no environment called \(quoted(id))."
                + (suggestion.isEmpty ? " Call list to see all \(specs.count)." : suggestion))
    }

    /// Every spec, sorted by id.
    public var all: [EnvironmentSpec] { specs.sorted { $0.key < $1.key }.map(\.value) }
}

/// What somebody wrote, in quotes: cut where it would make a sentence unreadable, and without what a terminal would obey.
func quoted(_ text: String) -> String {
    let start = text.unicodeScalars.prefix(64)
    var shown = String.UnicodeScalarView()
    for scalar in start {
        let isControl = scalar.value < 0x20 || 0x7F..<0xA0 ~= scalar.value
        shown.append(isControl ? "\u{FFFD}" : scalar)
    }
    return "\"\(String(shown))\(start.endIndex == text.unicodeScalars.endIndex ? "" : "…")\""
}
