import GEM
import Transport

/// A version of the Docker Engine API, such as 1.41.
struct APIVersion: Comparable, Sendable, CustomStringConvertible {
    let major: Int
    let minor: Int

    init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]), major >= 0, minor >= 0 else {
            return nil
        }
        self.init(major: major, minor: minor)
    }

    static func < (one: Self, other: Self) -> Bool { (one.major, one.minor) < (other.major, other.minor) }

    var description: String { "\(major).\(minor)" }
}

/// Who an engine is, as `GET /version` says.
struct EngineVersion: Equatable, Sendable {
    enum Product: Equatable, Sendable { case docker, podman }

    let product: Product
    /// `4.3.1`
    let version: String
    let newest: APIVersion
    /// The oldest version of the API that it still answers.
    let oldest: APIVersion

    var name: String { product == .podman ? "Podman" : "Docker" }

    /// Reads `GET /version`.
    init?(_ json: JSON) {
        guard let version = json["Version"]?.string, let newest = json["ApiVersion"]?.string.flatMap(APIVersion.init)
        else { return nil }
        self.version = EngineText.line(version, limit: 100)
        self.newest = newest
        oldest = json["MinAPIVersion"]?.string.flatMap(APIVersion.init) ?? newest
        let components = json["Components"]?.array ?? []
        product = components.contains { $0["Name"]?.string == "Podman Engine" } ? .podman : .docker
    }

    /// What Podman says of itself in every answer's head; `nil` where it is another's head.
    init?(podman headers: HTTPHeaders) {
        guard let version = headers["Libpod-Api-Version"], let newest = headers["Api-Version"].flatMap(APIVersion.init)
        else {
            return nil
        }
        product = .podman
        self.version = EngineText.line(version, limit: 100)
        self.newest = newest
        // It goes on answering old versions.
        oldest = APIVersion(major: 1, minor: 24)
    }

    /// The version to be spoken: the one this program is written for, or the oldest that the engine has where it has
    /// dropped that.
    func spoken(_ preferred: APIVersion) -> APIVersion { max(preferred, oldest) }
}
