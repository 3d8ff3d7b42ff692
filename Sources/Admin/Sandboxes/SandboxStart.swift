import GEM
import Registry
import SandboxHost

/// What a client asks for when it starts a sandbox, as it stands in the request; what is absent is `nil`.
struct SandboxStart: Sendable {
    var id: String?
    var image: String?
    var runtime: String?
    var pull: PullPolicy?
    var cpus: Double?
    var limitCPUs: Double?
    var memory: String?
    var disk: String?
    var processes: Int?
    var numGPUs: Double?
    var acceleratorType: String?
    var registryUsername: String?
    var registryPassword: String?
    var usesKata = false
    var imageOS: String?
    var autoClearMinutes: Double?
    var autoArchiveSeconds: Int?
    var autoDeleteSeconds: Int?
    var startupTimeout: Double?

    // Beyond what ROCK's clients send.
    var network: NetworkPolicy?
    var environment: [String: String] = [:]
    var ports: [UInt16]?
    /// `/on/the/host:/inside[:rw]`
    var mounts: [String] = []
    var hostname: String?
    var metadata: [String: String] = [:]
    var requestID: String?
    var lease = MakeLease.idle

    /// When a sandbox ends besides being stopped.
    enum MakeLease: String, CaseIterable, Sendable {
        /// When nobody uses it for long.
        case idle
        /// Also when the connection that started it closes.
        case connection
    }

    init() {}

    /// Reads the body of a start. Unknown members are ignored, as ROCK's servers do.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` that names the member.
    init(_ json: JSON) throws(Failure) {
        guard case .object = json else { throw Failure(.invalidArgument, "The body must be a JSON object.") }
        let members = StartMembers(json)
        id = try members.text("sandbox_id")
        image = try members.text("image")
        runtime = try members.text("runtime")
        pull = try members.word("pull")
        cpus = try members.number("cpus")
        limitCPUs = try members.number("limit_cpus")
        memory = try members.size("memory")
        disk = try members.size("disk")
        processes = try members.integer("processes")
        numGPUs = try members.number("num_gpus")
        acceleratorType = try members.text("accelerator_type")
        registryUsername = try members.text("registry_username")
        registryPassword = try members.text("registry_password")
        usesKata = try members.boolean("use_kata_runtime") ?? false
        imageOS = try members.text("image_os")
        // Both say the same; servers before read the longer name.
        let olderMinutes = try members.number("auto_clear_time")
        autoClearMinutes = try members.number("auto_clear_time_minutes") ?? olderMinutes
        autoArchiveSeconds = try members.integer("auto_archive_seconds")
        autoDeleteSeconds = try members.integer("auto_delete_seconds")
        startupTimeout = try members.number("startup_timeout")
        network = try members.network("network")
        environment = try members.texts("env")
        ports = try members.ports("ports")
        mounts = try members.list("mounts", most: 16)
        hostname = try members.text("hostname")
        metadata = try members.texts("metadata")
        requestID = try members.text("request_id")
        lease = try members.word("lease") ?? .idle
    }
}

/// The members of a start's body, each of the type that is wanted.
private struct StartMembers {
    let json: JSON

    init(_ json: JSON) { self.json = json }

    private func value(_ name: String) -> JSON? {
        guard let value = json[name], !value.isNull else { return Optional.none }
        return value
    }

    private func wrong(_ name: String, _ wanted: String) -> Failure {
        Failure(.invalidArgument, "\(name) must be \(wanted).")
    }

    func text(_ name: String) throws(Failure) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.string else { throw wrong(name, "a text") }
        return text
    }

    func number(_ name: String) throws(Failure) -> Double? {
        guard let value = value(name) else { return nil }
        // Some clients write numbers as texts.
        guard let number = value.double ?? value.string.flatMap(Double.init), number.isFinite else {
            throw wrong(name, "a number")
        }
        return number
    }

    func integer(_ name: String) throws(Failure) -> Int? {
        guard let number = try number(name) else { return nil }
        guard let integer = Int(exactly: number.rounded(.up)) else { throw wrong(name, "a whole number") }
        return integer
    }

    func boolean(_ name: String) throws(Failure) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let bool = value.bool else { throw wrong(name, "true or false") }
        return bool
    }

    /// A size, which some write as a number of bytes.
    func size(_ name: String) throws(Failure) -> String? {
        guard let value = value(name) else { return nil }
        if case .number(let number) = value { return number.text }
        guard let text = value.string else { throw wrong(name, "a size such as 8g") }
        return text
    }

    func word<Word: RawRepresentable & CaseIterable>(_ name: String) throws(Failure) -> Word?
    where Word.RawValue == String {
        guard let text = try text(name) else { return nil }
        guard let word = Word(rawValue: text) else {
            throw wrong(name, "one of " + Word.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return word
    }

    func texts(_ name: String) throws(Failure) -> [String: String] {
        guard let value = value(name) else { return [:] }
        guard let object = value.object else { throw wrong(name, "an object of texts") }
        var texts: [String: String] = [:]
        for (key, value) in object.members {
            guard let text = value.string else { throw wrong("\(name).\(key)", "a text") }
            texts[key] = text
        }
        return texts
    }

    func ports(_ name: String) throws(Failure) -> [UInt16]? {
        guard let value = value(name) else { return nil }
        guard let array = value.array, array.count <= 64 else { throw wrong(name, "a list of at most 64 ports") }
        var ports: [UInt16] = []
        for element in array {
            guard let port = element.int.flatMap(UInt16.init(exactly:)), port > 0 else {
                throw wrong(name, "a list of ports from 1 to 65535")
            }
            if !ports.contains(port) { ports.append(port) }
        }
        return ports
    }

    func list(_ name: String, most: Int) throws(Failure) -> [String] {
        guard let value = value(name) else { return [] }
        guard let array = value.array, array.count <= most else {
            throw wrong(name, "a list of at most \(most) texts")
        }
        return try array.map { (element) throws(Failure) in
            guard let text = element.string else { throw wrong(name, "a list of texts") }
            return text
        }
    }

    func network(_ name: String) throws(Failure) -> NetworkPolicy? {
        switch value(name) {
        case nil: return nil
        case .string("none"): return NetworkPolicy.none
        case .string("outbound"): return .outbound
        case .array(let elements)? where elements.count <= 256:
            let names = elements.compactMap(\.string)
            guard names.count == elements.count, names.allSatisfy({ 1...255 ~= $0.utf8.count }) else { break }
            return .allow(names)
        default: break
        }
        throw wrong(name, "\"none\", \"outbound\", or a list of host names, addresses and networks that may be reached")
    }
}
