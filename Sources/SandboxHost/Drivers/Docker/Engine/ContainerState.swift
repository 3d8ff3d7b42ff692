import GEM

/// What `GET /containers/{id}/json` says about a container.
struct ContainerState: Equatable, Sendable {
    let id: String
    /// The digest of the image it was made from.
    let image: String
    let isRunning: Bool
    /// The first process as the engine sees it; 0 where there is none.
    let process: Int32
    let exitCode: Int32
    let ranOutOfMemory: Bool
    /// Why it could not be started, in the engine's words; empty where it could.
    let error: String
    let labels: [String: String]
    /// Published TCP ports: inside to host.
    let ports: [UInt16: UInt16]
    /// Bytes that its own layer holds; `nil` unless asked for.
    let layerBytes: Int64?

    init(_ json: JSON) throws(EngineError) {
        guard let id = json["Id"]?.string, let state = json["State"], let isRunning = state["Running"]?.bool else {
            throw EngineError(kind: .garbage, message: "The container engine describes a container without its state.")
        }
        self.id = id
        image = json["Image"]?.string ?? ""
        self.isRunning = isRunning
        process = state["Pid"]?.int.flatMap(Int32.init(exactly:)) ?? 0
        exitCode = state["ExitCode"]?.int.flatMap(Int32.init(exactly:)) ?? -1
        ranOutOfMemory = state["OOMKilled"]?.bool ?? false
        error = EngineText.line(state["Error"]?.string ?? "")
        labels = Self.labels(json["Config"]?["Labels"])
        ports = Self.ports(json["NetworkSettings"]?["Ports"])
        layerBytes = json["SizeRw"]?.int.map(Int64.init)
    }

    static func labels(_ json: JSON?) -> [String: String] {
        var labels: [String: String] = [:]
        for member in json?.object?.members ?? [] { labels[member.name] = member.value.string ?? "" }
        return labels
    }

    /// `{"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"40001"}]}`
    private static func ports(_ json: JSON?) -> [UInt16: UInt16] {
        var ports: [UInt16: UInt16] = [:]
        for member in json?.object?.members ?? [] {
            let parts = member.name.split(separator: "/")
            guard parts.count == 2, parts[1] == "tcp", let inside = UInt16(parts[0]),
                let outside = member.value.array?.compactMap({ $0["HostPort"]?.string.flatMap { UInt16($0) } }).first,
                outside != 0
            else { continue }
            ports[inside] = outside
        }
        return ports
    }
}
