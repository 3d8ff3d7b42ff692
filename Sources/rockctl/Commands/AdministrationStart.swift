import Admin
import GEM
import Glibc
import SandboxHost
import Transport

private let detach = Option.flag("detach", summary: "Run in the background; return once the server is ready")

extension Command {
    /// `rockctl admin start`: a server, in the foreground or in the background.
    static let administrationStart: Command = .init(
        "start", summary: "Start a server",
        discussion: """
            The server writes one line with its address once it is ready, and runs until Ctrl-C or SIGTERM: then it \
            takes no more requests, finishes those in flight for at most ten seconds, and closes every sandbox.

            In the background it has no terminal and writes to admin.log in the data directory; 'rockctl admin stop' \
            ends it.
            """,
        options: [
            ServerSettings.host, ServerSettings.port, ServerSettings.dataDirectory, ServerSettings.socket,
            ServerSettings.configuration, detach,
        ],
        examples: [
            .init("rockctl admin start", "A server on this machine's loopback, port 8080."),
            .init("rockctl admin start --port 0 --rpc-socket /run/rock.sock", "A free port, and a Unix socket."),
            .init("rockctl admin start --detach --data-dir /var/lib/rock", "In the background."),
        ],
        catchesSignals: true
    ) { call in
        let settings = try ServerSettings.read(call)
        let directory = settings.dataDirectory
        if let holder = try PidFile.holder(in: directory) { throw PidFile.taken(by: holder, directory) }
        guard call[detach] else { return try await serve(settings, call.console) }

        try DataDirectory.prepare(directory)
        // A flag's name stands alone on a command line: no value can look like it.
        let arguments = CommandLine.arguments.dropFirst().filter { $0 != detach.declaration.spelling }
        let (process, ready) = try DetachedServer.start(Array(arguments), directory: directory)
        try call.console.write("\(ready), process \(process), log \(directory)/admin.log\n")
        return .success
    }

    /// Runs a server until a signal ends it.
    private static func serve(_ settings: ServerConfiguration, _ console: Console) async throws -> ExitCode {
        let signals = try SignalSource(Interrupted.signals, on: try EventLoop(name: "signals"))
        let server = try await Server(settings)
        do {
            let file = try PidFile.take(in: settings.dataDirectory, url: server.url)
            let ready = "rock is ready" + (server.url.map { " at \($0)" } ?? "")
            if DetachedServer.announce(ready) { chdir("/") }  // so that no file system is held busy
            console.report(server.isolation.warning ?? "")
            try console.write(ready + "\n")
            for await signal in signals.signals {
                // Log files that were moved away are begun anew; without any, the terminal has gone.
                guard signal == SIGHUP, settings.logs.folder != nil else { break }
                server.reopenLogs()
            }
            console.report("shutting down\n")
            await server.shutDown(within: .seconds(10))
            _ = consume file
        } catch {
            await server.shutDown(within: .seconds(1))
            throw error
        }
        return .success
    }
}

extension IsolationReport {
    /// What a person should know about the walls that do not stand; `nil` where all do.
    var warning: String? {
        let missing = entries.filter { !$0.holds }.map(\.wall.rawValue)
        guard !missing.isEmpty else { return nil }
        return "sandboxes are not fully isolated here: \(missing.joined(separator: ", ")); 'rockctl doctor' says why\n"
    }
}
