import Admin
import GEM
import Glibc

/// The options that say what a server is like and where it lives.
enum ServerSettings {
    static let dataDirectory = Option(
        "data-dir", .directory, variable: "ROCK_DATA_DIR",
        summary: "Where the server keeps its state; ~/.rock by default")
    static let configuration = Option("config", .file, summary: "Read settings from this YAML file")
    static let host = Option("host", .text("ADDRESS"), summary: "The address to listen on; 127.0.0.1 by default")
    static let port = Option(
        "port", .integer(0...65535, name: "PORT"), summary: "The port to listen on, 0 for a free one; 8080 by default")
    static let socket = Option(
        "rpc-socket", .text("PATH", completion: .files),
        summary: "Also listen on this Unix socket, one JSON-RPC message a line")

    /// The settings of `call`: what the command line says, else the configuration file, else the defaults.
    ///
    /// - Throws: ``CommandError`` for a file that cannot be read; ``Failure`` for one that cannot be understood.
    static func read(_ call: Invocation) throws -> ServerConfiguration {
        var settings = ServerConfiguration(dataDirectory: defaultDirectory)
        if let path = call[configuration] {
            try settings.apply(yaml: try contents(of: path), name: path)
        }
        try settings.runtime.apply(variables: Console.variable)
        settings.host = call[host] ?? settings.host
        settings.port = call[port] ?? settings.port
        settings.rpcSocketPath = try (call[socket] ?? settings.rpcSocketPath).map(absolute)
        settings.dataDirectory = call[dataDirectory] ?? settings.dataDirectory
        guard !settings.dataDirectory.isEmpty else {
            throw CommandError(
                .failure, "there is no home directory in $HOME", hint: "name a directory with --data-dir")
        }
        settings.dataDirectory = try absolute(settings.dataDirectory)
        return settings
    }

    /// The data directory of a `call` that takes no configuration file.
    static func dataDirectory(_ call: Invocation) throws -> String {
        try absolute(call[dataDirectory] ?? defaultDirectory)
    }

    /// The data directory of `call`, by the same rules.
    static func directory(_ call: Invocation) throws -> String { try read(call).dataDirectory }

    /// Empty where there is no home directory.
    private static var defaultDirectory: String {
        guard let home = Console.variable("HOME"), home.hasPrefix("/") else { return "" }
        return home + "/.rock"
    }

    /// `path` from the root on, as it is understood now.
    static func absolute(_ path: String) throws -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else {
            throw CommandError(.failure, "the working directory is unknown: \(String(cString: strerror(errno)))")
        }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }

    /// What is in the file at `path`, at most `limit` bytes.
    ///
    /// - Throws: ``CommandError``.
    static func contents(of path: String, limit: Int = 1 << 20) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw CommandError(.notFound, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= limit {
            let count = Glibc.read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandError(
                    .failure, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
            if count == 0 { return bytes }
            bytes += piece.prefix(count)
        }
        throw CommandError(.failure, "\(path) is larger than \(limit >> 20) MiB")
    }
}
