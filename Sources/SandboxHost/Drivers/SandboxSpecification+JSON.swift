package import GEM

/// How a specification is kept in a state file. The credentials are left out: what runs needs them no more.
extension SandboxSpecification {
    package var json: JSON {
        var object: JSON.Object = [
            "id": .string(id.rawValue), "image": .string(image), "pull": .string(pull.rawValue),
            "limits": limits.json, "network": network.json,
            "published_ports": .array(publishedPorts.map { .number(JSON.Number(Int($0))) }),
            "mounts": .array(mounts.map(\.json)),
            "environment": Self.json(environment), "labels": Self.json(labels),
        ]
        object["hostname"] = hostname.map { .string($0) }
        return .object(object)
    }

    /// Reads what ``json`` wrote; `nil` where anything is missing or of another type.
    package init?(_ json: JSON) {
        guard let id = json["id"]?.string.flatMap(SandboxID.init(rawValue:)), let image = json["image"]?.string,
            let pull = json["pull"]?.string.flatMap(PullPolicy.init(rawValue:)),
            let limits = json["limits"].flatMap(SandboxLimits.init),
            let network = json["network"].flatMap(NetworkPolicy.init),
            let ports = json["published_ports"]?.array, let mounts = json["mounts"]?.array,
            let environment = json["environment"].flatMap(Self.texts), let labels = json["labels"].flatMap(Self.texts)
        else { return nil }
        self.init(id: id, image: image, limits: limits)
        self.pull = pull
        self.network = network
        publishedPorts = ports.compactMap { $0.int.flatMap(UInt16.init(exactly:)) }
        self.mounts = mounts.compactMap(SandboxMount.init)
        guard publishedPorts.count == ports.count, self.mounts.count == mounts.count else { return nil }
        self.environment = environment
        self.labels = labels
        hostname = json["hostname"]?.string
    }

    private static func json(_ texts: [String: String]) -> JSON {
        var object = JSON.Object()
        for (name, value) in texts.sorted(by: { $0.key < $1.key }) { object[name] = .string(value) }
        return .object(object)
    }

    private static func texts(_ json: JSON) -> [String: String]? {
        guard let members = json.object?.members else { return nil }
        var texts: [String: String] = [:]
        for member in members {
            guard let value = member.value.string else { return nil }
            texts[member.name] = value
        }
        return texts
    }
}

extension SandboxLimits {
    fileprivate var json: JSON {
        var object: JSON.Object = [
            "memory_bytes": .number(JSON.Number(Int(memoryBytes))), "processes": .number(JSON.Number(processes)),
        ]
        object["cpus"] = JSON.Number(cpus).map { .number($0) }
        object["disk_bytes"] = diskBytes.map { .number(JSON.Number(Int($0))) }
        return .object(object)
    }

    fileprivate init?(_ json: JSON) {
        guard let memory = json["memory_bytes"]?.int, let cpus = json["cpus"]?.double,
            let processes = json["processes"]?.int
        else { return nil }
        self.init(memoryBytes: Int64(memory), cpus: cpus, diskBytes: json["disk_bytes"]?.int.map(Int64.init))
        self.processes = processes
    }
}

extension NetworkPolicy {
    fileprivate var json: JSON {
        switch self {
        case .none: "none"
        case .outbound: "outbound"
        case .allow(let destinations): .array(destinations.map { .string($0) })
        }
    }

    fileprivate init?(_ json: JSON) {
        switch json {
        case "none": self = .none
        case "outbound": self = .outbound
        case .array(let elements):
            let destinations = elements.compactMap(\.string)
            guard destinations.count == elements.count else { return nil }
            self = .allow(destinations)
        default: return nil
        }
    }
}

extension SandboxMount {
    fileprivate var json: JSON {
        [
            "source": .string(source), "target": .string(target), "read_only": .bool(isReadOnly),
            "granted": .bool(isGranted),
        ]
    }

    fileprivate init?(_ json: JSON) {
        guard let source = json["source"]?.string, let target = json["target"]?.string,
            let isReadOnly = json["read_only"]?.bool
        else { return nil }
        self.init(source: source, target: target, isReadOnly: isReadOnly)
        isGranted = json["granted"]?.bool ?? false
    }
}
