import CLinux
import GEM
import Glibc
import Testing
import Transport

@testable import Images

/// Debian's docker-registry on a free port of loopback, for one test.
final class LocalRegistry: Sendable {
    let host: String
    let folder: String
    private let process: pid_t

    /// Starts it and waits until it listens.
    ///
    /// - Parameters:
    ///   - scratch: Where it keeps its blobs.
    ///   - login: Whom it lets in; everybody by default.
    /// - Throws: What fails to start.
    init(_ scratch: Scratch, login: RegistryLogin? = nil) throws {
        let port = try Self.freePort()
        host = "127.0.0.1:\(port)"
        folder = scratch.path + "/registry"
        var configuration = """
            version: 0.1
            log: {level: error, accesslog: {disabled: true}}
            storage: {filesystem: {rootdirectory: \(folder)}, delete: {enabled: true}}
            http: {addr: '\(host)'}

            """
        if let login {
            let passwords = scratch.path + "/htpasswd"
            let file = try Files.open(passwords, O_WRONLY | O_CREAT)
            let run = try Program(
                ["htpasswd", "-Bbn", login.username, login.password], input: STDIN_FILENO, output: file.rawValue)
            try #require(run.wait().status == 0)
            configuration += "auth: {htpasswd: {realm: test, path: \(passwords)}}\n"
        }
        let path = try scratch.write("registry.yml", Array(configuration.utf8))
        let log = try Files.open(scratch.path + "/registry.log", O_WRONLY | O_CREAT)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, log.rawValue, 1)
        posix_spawn_file_actions_adddup2(&actions, log.rawValue, 2)
        let (line, variables) = (["docker-registry", "serve", path], ["PATH=/usr/bin", "OTEL_TRACES_EXPORTER=none"])
        var words: [UnsafeMutablePointer<CChar>?] = line.map { (text: String) in strdup(text) }
        var settings: [UnsafeMutablePointer<CChar>?] = variables.map { (text: String) in strdup(text) }
        words.append(nil)
        settings.append(nil)
        defer { (words + settings).forEach { free($0) } }
        var process = pid_t()
        try #require(posix_spawn(&process, "/usr/bin/docker-registry", &actions, nil, &words, &settings) == 0)
        self.process = process
        try waitUntilItListens(port)
    }

    deinit {
        kill(process, SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }

    /// curl asks again until somebody listens: the registry tells nobody that it does.
    private func waitUntilItListens(_ port: UInt16) throws {
        let null = try Files.open("/dev/null", O_RDWR)
        let run = try Program(
            [
                "curl", "--silent", "--retry", "100", "--retry-delay", "0", "--retry-max-time", "30",
                "--retry-connrefused", "http://\(host)/v2/",
            ], input: null.rawValue, output: null.rawValue)
        try #require(run.wait().status == 0)
    }

    private static func freePort() throws -> UInt16 {
        let socket = OwnedDescriptor(Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port: UInt16? = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                guard bind(socket.rawValue, pointer, length) == 0, getsockname(socket.rawValue, pointer, &length) == 0
                else { return nil }
                return UnsafeRawPointer(pointer).load(as: sockaddr_in.self).sin_port.bigEndian
            }
        }
        return try #require(port)
    }

    /// Speaks to it without TLS.
    var configuration: RegistryConfiguration {
        var configuration = RegistryConfiguration()
        configuration.insecure = [host]
        return configuration
    }

    /// The blobs it has, by path.
    func blob(_ digest: Digest) -> String {
        "\(folder)/docker/registry/v2/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)/data"
    }
}
