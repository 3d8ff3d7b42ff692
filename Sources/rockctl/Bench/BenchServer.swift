import Glibc

/// A server of a benchmark's own, in the background, in a directory that goes with it.
struct BenchServer: Sendable {
    let process: pid_t
    let url: String

    /// Starts a server with `configuration`, in YAML, and hands it to `body`. It is ended in any case.
    static func use<Value: Sendable>(
        _ configuration: String, _ body: (BenchServer) async throws -> Value
    ) async throws -> Value {
        // On a disk, as a server's data usually is.
        try await EmbeddedServer.withDirectory(below: "/var/tmp") { directory in
            let file = directory + "/rock.yml"
            let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0, write(descriptor, configuration, configuration.utf8.count) >= 0 else {
                throw CommandError(.failure, "\(file) cannot be written: \(String(cString: strerror(errno)))")
            }
            close(descriptor)
            let (process, ready) = try DetachedServer.start(
                ["admin", "start", "--port", "0", "--data-dir", directory, "--config", file], directory: directory)
            defer {
                kill(process, SIGTERM)  // ours and not collected yet, so the number is its own
                ChildProcess.end(process, patience: .seconds(30))
            }
            guard let url = ready.split(separator: " ").last else {
                throw CommandError(.failure, "the server does not say where it is")
            }
            return try await body(BenchServer(process: process, url: String(url)))
        }
    }
}
