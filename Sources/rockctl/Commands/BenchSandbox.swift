import GEM
import Glibc
import Transport

private let only = Option(
    "only", .choice(SandboxBench.Name.allCases.map(\.rawValue), name: "NAME"), summary: "Measure just this; see above")
private let seconds = Option("seconds", .integer(1...3600, name: "S"), default: 2, summary: "How long each loop runs")
private let image = Option("image", .text("IMAGE"), default: "host", summary: "What the jails start from")
private let crowd = Option("crowd", .integer(1...4096), default: 100, summary: "Sandboxes that 'crowd' starts at once")
private let idle = Option("idle", .integer(1...100_000), default: 1000, summary: "Sandboxes of 'idle'")
private let size = Option(
    "size", .integer(1...1 << 40, name: "BYTES"), default: 1 << 30, summary: "The size of what is copied")
private let engine = Option(
    "engine", .file, summary: "The socket of the container engine that 'docker' is measured with and beside")
private let engineImage = Option(
    "engine-image", .text("IMAGE"), default: "python:3.11", summary: "What its containers start from; it must have it")
private let url = Option("url", .text("URL"), summary: "A server that runs, instead of one of this benchmark's own")
private let json = Option.flag("json", summary: "Write one JSON object")

extension Command {
    /// `rockctl bench sandbox`.
    static let benchSandbox: Command = .init(
        "sandbox", summary: "Measure starts, commands and copies of sandboxes over HTTP",
        discussion: """
            Calls of one thread in a closed loop, to a server of its own with its data in /var/tmp, or the one of --url; \
            needs root. Each line stands beside what it should reach, and beside what the same machine does without a \
            sandbox.

                start     from the call of start to the end of a first command
                crowd     the same for many at once: until the last has ended
                docker    the same for a container; only with --engine
                run       run_in_session "echo hi"
                execute   execute ["true"]
                upload    a file of --size into a sandbox
                form      the same as ROCK's clients send it
                download  the same out of it
                idle      sandboxes with a session, and the memory each takes
            """,
        options: [only, seconds, image, crowd, idle, size, engine, engineImage, url, ServerAccess.keyFile, json],
        examples: [
            .init("rockctl bench sandbox", "The table, of jails of the machine's own tree."),
            .init("rockctl bench sandbox --only docker --engine /run/podman/podman.sock", "Starts of containers."),
        ],
        catchesSignals: true
    ) { call in
        let findings = try await Interrupted.watching {
            if let address = call[url] { return try await measure(call, at: address, process: nil) }
            let drivers = call[engine].map { "[jail, docker], docker_socket: '\($0)'" } ?? "[jail]"
            return try await BenchServer.use("runtime: { drivers: \(drivers), default: jail }\n") { server in
                try await measure(call, at: server.url, process: server.process)
            }
        }
        try BenchFinding.write(findings, asJSON: call[json], to: call.console)
        return .success
    }

    private static func measure(
        _ call: Invocation, at address: String, process: pid_t?
    ) async throws -> [BenchFinding] {
        let bench = SandboxBench(
            place: try HTTPPlace.named(address), key: try ServerAccess.key(call), process: process,
            image: call[image], duration: .seconds(call[seconds]), crowd: call[crowd], idle: call[idle],
            size: call[size])
        let names = SandboxBench.Name.allCases.filter { name in
            if let only = call[only] { return only == name.rawValue }
            return name != .docker || call[engine] != nil
        }
        var findings: [BenchFinding] = []
        for name in names {
            try Task.checkCancellation()
            if name == .docker {
                guard let socket = call[engine] else {
                    throw UsageError(at: call.path, "'docker' needs --engine", hint: "name the engine's socket")
                }
                findings.append(try await bench.containers(socket, image: call[engineImage]))
            } else {
                findings += try await BlockingPool.run { try bench.measure(name) }
            }
        }
        return findings
    }
}

extension SandboxBench {
    /// What blocks.
    fileprivate func measure(_ name: Name) throws -> [BenchFinding] {
        switch name {
        case .start: [try starts()]
        case .crowd: [try starts(atOnce: crowd)]
        case .docker: []
        case .run: [try run()]
        case .execute: [try execute()]
        case .upload: [try transfer(.upload)]
        case .form: [try transfer(.form)]
        case .download: [try transfer(.download)]
        case .idle: try idleSandboxes()
        }
    }
}
