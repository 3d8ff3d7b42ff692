import Admin
import GEM
import Glibc
import Images
import Transport

/// What several of the image commands take, and how they get at the store.
enum ImageArgument {
    static let name = Positional(
        "IMAGE", .text("IMAGE"), summary: "The image: a name such as python:3.11, a digest, or its first twelve digits")
    static let json = Option.flag("json", summary: "Write JSON")
    static let user = Option(
        "username", letter: "u", .text("NAME"), variable: "ROCK_REGISTRY_USERNAME",
        summary: "The registry's user; its password is read from $ROCK_REGISTRY_PASSWORD, or else from standard input")

    /// The options of every image command.
    static let place: [any CommandOption] = [ServerSettings.dataDirectory, ServerSettings.configuration]
    /// The options of those that a server can be asked to do, too.
    static let remote: [any CommandOption] = [url, driver, ServerAccess.keyFile] + place
    private static let url = Option(
        "url", .text("URL"), summary: "Ask this server, instead of working on the data directory")
    private static let driver = Option(
        "driver", .choice(["jail", "docker"]), summary: "Whose images, with --url; by default the server's driver's")

    /// The server that `call` names; `nil` where it is to work on the data directory.
    static func server(_ call: Invocation) async throws -> ServerClient? {
        guard call[url] != nil else {
            if call[driver] != nil { throw UsageError(at: call.path, "--driver needs --url") }
            return nil
        }
        return try await ServerAccess.open(call)
    }

    /// The members that say which image, and whose.
    static func params(_ call: Invocation, _ more: JSON.Object = [:]) -> JSON.Object {
        var params = more
        if let name = call[driver] { params["driver"] = .string(name) }
        return params
    }

    /// The settings and the store that `call` works on.
    static func open(_ call: Invocation) throws -> (ServerConfiguration, ImageStore) {
        let settings = try ServerSettings.read(call)
        try DataDirectory.prepare(settings.dataDirectory)
        return (settings, try ImageStore(folder: settings.imagesPath))
    }

    /// Runs what blocks on a thread that may.
    static func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await BlockingPool.run(work)
    }

    /// Who asks a registry.
    static func login(_ call: Invocation) throws -> RegistryLogin? {
        guard let name = call[user] else { return nil }
        if let password = Console.variable("ROCK_REGISTRY_PASSWORD") {
            return RegistryLogin(username: name, password: password)
        }
        if call.console.inputIsTerminal { call.console.report("Password of \(name): ") }
        var input = try StandardInput()
        let isTerminal = call.console.inputIsTerminal
        var before = termios()
        if isTerminal, tcgetattr(STDIN_FILENO, &before) == 0 {
            var silent = before
            silent.c_lflag &= ~tcflag_t(ECHO)
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        }
        defer { if isTerminal { tcsetattr(STDIN_FILENO, TCSAFLUSH, &before) } }
        guard case .line(let bytes) = try input.line(limit: 4096), !bytes.isEmpty else {
            throw CommandError(
                .usage, "there is no password on standard input", hint: "or set ROCK_REGISTRY_PASSWORD")
        }
        return RegistryLogin(username: name, password: String(decoding: bytes, as: UTF8.self))
    }

    /// The content of a file of at most a megabyte; `nil` where there is none.
    static func contents(of path: String) throws -> [UInt8]? {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            guard errno != ENOENT else { return nil }
            throw CommandError(.failure, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: (1 << 20) + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress?.advanced(by: count), $0.count - count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else {
                throw CommandError(.failure, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
            if got == 0 { return Array(bytes[..<count]) }
            count += got
        }
        throw CommandError(.failure, "\(path) is larger than 1 MiB")
    }

    /// An image as JSON.
    static func json(_ image: Image) -> JSON {
        let list = { (texts: [String]) in JSON.array(texts.map(JSON.string)) }
        let configuration = image.configuration
        var labels = JSON.Object()
        for (name, value) in configuration.labels.sorted(by: { $0.key < $1.key }) { labels[name] = .string(value) }
        return [
            "driver": "jail", "digest": .string(image.digest), "names": list(image.names),
            "size": .number(.init(Int(image.size))),
            "created": .string(configuration.created), "last_used": .number(.init(Int(image.lastUsed))),
            "architecture": .string(configuration.architecture),
            "layers": list(image.layerDigests.map { "\($0)" }), "environment": list(configuration.environment),
            "entrypoint": list(configuration.entrypoint), "command": list(configuration.command),
            "working_directory": .string(configuration.workingDirectory), "user": .string(configuration.user),
            "labels": .object(labels), "exposed_ports": list(configuration.exposedPorts),
            "volumes": list(configuration.volumes), "history": list(configuration.history),
        ]
    }

    /// One line of JSON.
    static func line(_ json: JSON) -> String { String(decoding: json.serialized, as: UTF8.self) + "\n" }

    /// A size for people: `211.4 MB`.
    static func size(_ bytes: Int64) -> String {
        var value = Double(bytes)
        var unit = 0
        let units = ["B", "kB", "MB", "GB", "TB"]
        while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
        guard unit > 0 else { return "\(bytes) B" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    /// How long ago a time in seconds since 1970 is: `3 days`.
    static func age(_ seconds: Int64) -> String {
        let age = max(0, Int64(time(nil)) - seconds)
        for (length, unit) in [(86_400, "day"), (3600, "hour"), (60, "minute")] as [(Int64, String)]
        where age >= length { return "\(age / length) \(unit)\(age / length == 1 ? "" : "s")" }
        return "\(age) s"
    }
}
