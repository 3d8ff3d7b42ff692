import GEM

/// A root filesystem and how programs are started in it.
package struct Image: Sendable, Equatable {
    /// Names it for good: the digest of its configuration, as Docker's image ids are.
    package let digest: String
    /// The folders whose union it is, absolute, the topmost first; as overlayfs's `lowerdir` has them. At least one.
    package let layers: [String]
    package let configuration: ImageConfiguration
    /// Bytes of all files, layers shared with other images included.
    package let size: Int64

    /// The names that lead to it, as people write them.
    package var names: [String] = []
    /// Seconds since 1970 when a sandbox last started from it, or when it came here.
    package var lastUsed: Int64 = 0

    /// The layers' digests, the lowest first.
    package let layerDigests: [Digest]
}

/// What an image says about programs started in it.
package struct ImageConfiguration: Sendable, Equatable {
    /// `NAME=value` each.
    package var environment: [String] = []
    package var entrypoint: [String] = []
    package var command: [String] = []
    package var workingDirectory = "/"
    /// `name`, `uid`, `name:group` or `uid:gid`; empty for root.
    package var user = ""
    package var labels: [String: String] = [:]
    /// `8080/tcp` each.
    package var exposedPorts: [String] = []
    package var volumes: [String] = []
    /// Go's names: `amd64`, `arm64`.
    package var architecture = ImageConfiguration.thisArchitecture
    /// RFC 3339.
    package var created = ""
    /// What made each layer, oldest first; told to people only.
    package var history: [String] = []

    package init() {}

    #if arch(arm64)
        package static let thisArchitecture = "arm64"
    #else
        package static let thisArchitecture = "amd64"
    #endif

    /// The search path of images that say nothing else.
    package static let defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

extension ImageConfiguration {
    /// Reads an OCI or Docker image configuration; what is missing or of another type counts as unsaid.
    init(oci json: JSON) {
        let config = json["config"] ?? .null
        let texts = { (name: String) in config[name]?.array?.compactMap(\.string) ?? [] }
        environment = texts("Env")
        entrypoint = texts("Entrypoint")
        command = texts("Cmd")
        workingDirectory = config["WorkingDir"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? "/"
        user = config["User"]?.string ?? ""
        for (name, value) in config["Labels"]?.object?.members ?? [] { labels[name] = value.string }
        exposedPorts = config["ExposedPorts"]?.object?.members.map(\.name) ?? []
        volumes = config["Volumes"]?.object?.members.map(\.name) ?? []
        architecture = json["architecture"]?.string ?? Self.thisArchitecture
        created = json["created"]?.string ?? ""
        history = (json["history"]?.array ?? []).map { $0["created_by"]?.string ?? "" }
    }

    /// The OCI image configuration of these settings over `layers`, the lowest first.
    func oci(layers: [Digest]) -> JSON {
        var config = JSON.Object()
        let list = { (texts: [String]) in JSON.array(texts.map(JSON.string)) }
        if !environment.isEmpty { config["Env"] = list(environment) }
        if !entrypoint.isEmpty { config["Entrypoint"] = list(entrypoint) }
        if !command.isEmpty { config["Cmd"] = list(command) }
        if workingDirectory != "/" { config["WorkingDir"] = .string(workingDirectory) }
        if !user.isEmpty { config["User"] = .string(user) }
        let object = { (names: [String]) in
            JSON.object(names.reduce(into: JSON.Object()) { $0[$1] = .object(JSON.Object()) })
        }
        if !labels.isEmpty {
            var members = JSON.Object()
            for (name, value) in labels.sorted(by: { $0.key < $1.key }) { members[name] = .string(value) }
            config["Labels"] = .object(members)
        }
        if !exposedPorts.isEmpty { config["ExposedPorts"] = object(exposedPorts) }
        if !volumes.isEmpty { config["Volumes"] = object(volumes) }
        return [
            "architecture": .string(architecture), "os": "linux", "created": .string(created),
            "config": .object(config),
            "rootfs": ["type": "layers", "diff_ids": list(layers.map(\.description))],
            "history": .array(history.map { ["created_by": .string($0)] }),
        ]
    }
}
