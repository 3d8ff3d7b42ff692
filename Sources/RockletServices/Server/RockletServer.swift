import CLinux
package import GEM
import Glibc
import Transport

/// Process 1 of a sandbox that has a root filesystem: its HTTP server, its children, its end.
package final class RockletServer: Sendable {
    private let context: ServerContext
    private let http: HTTPServer
    private let services: [any Service]

    /// The version of ROCK's in-sandbox interface that this one follows.
    static let interfaceVersion = "1.2.17"
    /// How long requests and sessions have to end in good order.
    private static let grace: Duration = .seconds(2)

    /// Lives as the words behind the program's name say, and does not return.
    ///
    /// - Parameters:
    ///   - words: `--version`, or `serve` and its options.
    ///   - environments: What `/env/make` can make.
    package static func run(_ words: [String], environments: [EnvironmentSpec]) -> Never {
        if words == ["--version"] { end(0, interfaceVersion, to: STDOUT_FILENO) }
        let options: ServeOptions
        do throws(ServeOptions.Malformed) {
            options = try ServeOptions.parse(words.dropFirst())
        } catch {
            end(2, "rocklet: \(error.message)\n\(ServeOptions.usage)")
        }
        do {
            try prepareProcess(options)
            let group = try EventLoopGroup(count: 1)
            let server = try RockletServer(options, environments, group)
            Task(executorPreference: group.loops[0]) { await server.start() }
        } catch {
            end(1, "rocklet: \(error)")
        }
        // Everything happens on the loop's thread, which also ends the process.
        while true { pause() }
    }

    /// Makes the process ready for children, before a second thread exists.
    private static func prepareProcess(_ options: ServeOptions) throws {
        // A closed stream's number would be given to something that a child takes for its standard output.
        while case let descriptor = open("/dev/null", O_RDWR | O_CLOEXEC), descriptor >= 0 {
            if descriptor > 2 {
                close(descriptor)
                break
            }
        }
        try SystemCallError.check(rock_close_on_exec_from(3), "close_range")
        try SignalSource.block(Children.signals)
        signal(SIGPIPE, SIG_IGN)
        signal(SIGHUP, SIG_IGN)
        rock_give_back_memory()
        if let hostname = options.hostname {
            try SystemCallError.check(rock_set_hostname(hostname), "sethostname", hostname)
        }
    }

    private init(_ options: ServeOptions, _ environments: [EnvironmentSpec], _ group: EventLoopGroup) throws {
        let loop = group.loops[0]
        context = ServerContext(
            loop: loop, children: Children(on: loop), log: ServerLog(), options: options,
            environment: .ofThisProcess())
        services = try RockletServices.all(context, environments)
        let router = Router(services)
        var configuration = HTTPServerConfiguration()
        // Uploads are as large as the disk; routes that keep a body in memory set a limit of their own.
        configuration.maximumBodyBytes = 1 << 50
        configuration.maximumConnectionsPerLoop = 1024
        configuration.idleTimeout = .seconds(3600)
        http = HTTPServer(configuration: configuration, group: group) { await router.answer($0) }
    }

    private func start() async {
        do {
            context.children.onRequestToEnd = { signal in
                Task(executorPreference: self.context.loop) { await self.end(after: signal) }
            }
            try context.children.start()
            for service in services { try await service.start() }
            switch context.options.http {
            case .inherited(let descriptor): try await http.start(listening: OwnedDescriptor(descriptor))
            case .file(let path):
                try await http.start(listening: try SocketPlace.listen(at: path, carriesPackets: false))
            }
            if let port = context.options.tcpPort { try await http.start(on: .ipv4(0, port: port)) }
            context.log.say("rocklet serves")
        } catch {
            Self.end(1, "rocklet: \(error)")
        }
    }

    /// Ends everything that was started here, then this process: with 0, for that is what it was asked to do.
    private func end(after signal: Int32) async {
        context.children.onRequestToEnd = { _ in _exit(128 + signal) }
        context.log.say("signal \(signal): ending")
        for service in services { await service.shutDown() }
        await http.shutDown(within: Self.grace)
        if getpid() == 1 { kill(-1, SIGKILL) }
        _exit(0)
    }

    private static func end(_ status: Int32, _ text: String, to descriptor: Int32 = STDERR_FILENO) -> Never {
        var text = text + "\n"
        text.withUTF8 { bytes in _ = write(descriptor, bytes.baseAddress, bytes.count) }
        _exit(status)
    }
}
