import ConfigurationFiles
import GEM
import SandboxHost

extension EnvironmentManifest {
    /// The longest manifest, in bytes.
    static let byteLimit = 64 << 10

    /// Reads a manifest.
    ///
    /// - Parameters:
    ///   - yaml: Its text.
    ///   - name: What to call the file in errors.
    ///   - folder: What paths that do not begin with `/` are below; `nil` refuses such paths.
    /// - Throws: ``Failure`` of kind `invalidArgument` that names file, line and key.
    init(yaml: [UInt8], name: String, folder: String?) throws(Failure) {
        guard yaml.count <= Self.byteLimit else {
            throw Failure(.invalidArgument, "\(name): a manifest has at most \(Self.byteLimit) bytes.")
        }
        var root = try ConfigurationSection(try YAML(parsing: yaml, name: name), name: "a manifest", file: name)
        guard let text = try root.text("env_id") else {
            throw Failure(.invalidArgument, "\(name): env_id is missing, such as env_id: my:Corridor-v0.")
        }
        guard let id = EnvironmentID(text) else {
            throw root.wrong("env_id", "namespace:Name-vN, perhaps with -variant behind, such as my:Corridor-v0")
        }
        guard let command = try root.texts("command"), command.first?.isEmpty == false else {
            throw Failure(.invalidArgument, "\(name): command is missing, a list such as [python3, corridor.py].")
        }
        self.init(id: id, command: command)
        summary = try root.text("summary") ?? summary
        action = try root.text("action") ?? action
        observation = try root.text("observation") ?? observation
        if let range = try root.numbers("reward_range") {
            guard range.count == 2, range[0] <= range[1] else {
                throw root.wrong("reward_range", "two numbers, the smaller first")
            }
            rewardRange = range[0]...range[1]
        }
        maxTurns = try root.integer("max_turns", in: 1...1_000_000_000)
        usesSeed = try root.boolean("uses_seed") ?? usesSeed
        image = try root.text("image") ?? image
        driver = try root.text("runtime")
        directory = try root.text("directory")
        if let directory {
            guard let path = Self.path(directory, below: folder) else {
                throw root.wrong("directory", "an absolute path here, for nothing says what it is below")
            }
            self.directory = path
        }
        mounts = try Self.mounts(&root, below: folder)
        network = try Self.network(&root)
        try readTables(&root)
        try root.refuseUnknownKeys()
        guard command.count <= 256, (command + variables.map { $0 + $1 }).reduce(0, { $0 + $1.utf8.count }) <= 32 << 10
        else { throw Failure(.invalidArgument, "\(name): command and env have at most 32 KiB together.") }
    }

    private mutating func readTables(_ root: inout ConfigurationSection) throws(Failure) {
        for (key, value) in try root.values("env") {
            guard let text = value.string, !key.isEmpty, !(key + text).utf8.contains(0), !key.contains("=") else {
                throw root.wrong("env", "a mapping of names to texts; quote what looks like a number")
            }
            variables[key] = text
        }
        parameters = try root.values("kwargs").map { Parameter(external: $0.key, default: $0.value) }
        if var section = try root.section("limits") {
            limits.memoryBytes =
                try section.bytes("memory", in: 16 << 20...1 << 50).map(Int64.init) ?? limits.memoryBytes
            limits.cpus = try section.number("cpus", in: 0.01...4096) ?? limits.cpus
            limits.processes = try section.integer("processes", in: 4...65_536) ?? limits.processes
            limits.diskBytes = try section.bytes("disk", in: 1 << 20...1 << 60).map(Int64.init) ?? limits.diskBytes
            limits.lineBytes = try section.bytes("line", in: 1024...64 << 20) ?? limits.lineBytes
            limits.environments = try section.integer("num_envs", in: 1...4096) ?? limits.environments
            try section.refuseUnknownKeys()
        }
        if var section = try root.section("timeouts") {
            for (key, timeout) in [("make", \Timeouts.make), ("reset", \.reset), ("step", \.step)] {
                if let seconds = try section.number(key, in: 0.001...86_400) {
                    timeouts[keyPath: timeout] = .seconds(seconds)
                }
            }
            try section.refuseUnknownKeys()
        }
    }

    private static func path(_ text: String, below folder: String?) -> String? {
        var parts: [Substring] = []
        guard text.hasPrefix("/") || folder?.hasPrefix("/") == true else { return nil }
        let whole = text.hasPrefix("/") ? text : (folder ?? "") + "/" + text
        for part in whole.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    private static func mounts(
        _ root: inout ConfigurationSection, below folder: String?
    ) throws(Failure) -> [SandboxMount] {
        var mounts: [SandboxMount] = []
        for text in try root.texts("mounts") ?? [] {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard 1...2 ~= parts.count, let target = parts.last, target.hasPrefix("/"), mounts.count < 16,
                let source = path(parts[0], below: folder)
            else { throw root.wrong("mounts", "at most 16 of /path/outside:/path/inside, each read-only inside") }
            mounts.append(SandboxMount(source: source, target: target))
        }
        return mounts
    }

    private static func network(_ root: inout ConfigurationSection) throws(Failure) -> NetworkPolicy {
        if let names = root.list("network") { return .allow(names) }
        switch try root.text("network") {
        case nil, "none"?, "no"?, "false"?: return .none
        case "outbound"?, "yes"?, "true"?: return .outbound
        default: throw root.wrong("network", "none, outbound, or a list of host names and addresses")
        }
    }
}

extension Parameter {
    /// An argument of an external environment: its type is that of its default, anything where that is null.
    fileprivate init(external name: String, default value: JSON) {
        let bounds = -(1 << 53)...(1 << 53)
        switch value {
        case .bool(let value): self.init(name, .boolean, default: .boolean(value), summary: "")
        case .number(let number):
            if let integer = number.int, bounds.contains(integer) {
                self.init(name, .integer(bounds), default: .integer(integer), summary: "")
            } else {
                self.init(name, .number, default: .free(value), summary: "")
            }
        case .string: self.init(name, .text, default: .free(value), summary: "")
        case .null: self.init(name, .any, default: .null, isOptional: true, summary: "")
        case .array, .object: self.init(name, .any, default: .free(value), summary: "")
        }
    }
}
