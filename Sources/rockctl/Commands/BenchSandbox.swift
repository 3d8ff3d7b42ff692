import GEM
import Glibc
import Transport

private let only = Option(
    "only", .choice(SandboxBench.Name.allCases.map(\.rawValue), name: "NAME"), summary: "Measure just this; see above")
private let seconds = Option("seconds", .integer(1...3600, name: "S"), default: 2, summary: "How long each loop runs")
private let image = Option("image", .text("IMAGE"), default: "host", summary: "What the sandboxes start from")
private let runtime = Option(
    "runtime", .choice(["jail", "docker"]), default: "jail", summary: "The driver that is measured")
private let crowd = Option("crowd", .integer(1...4096), default: 100, summary: "Sandboxes that 'crowd' starts at once")
private let idle = Option("idle", .integer(1...100_000), default: 1000, summary: "Sandboxes of 'idle'")
private let size = Option(
    "size", .integer(1...1 << 40, name: "BYTES"), default: 1 << 30, summary: "The size of what is copied")

extension Command {
    /// `rockctl bench sandbox`.
    static let benchSandbox: Command = .init(
        "sandbox", summary: "Measure starts, commands and copies of sandboxes over HTTP",
        discussion: """
            Calls of one thread in a closed loop, to a server that runs. Times are in microseconds. Two lines measure what \
            the machine does without any sandbox, to compare with.

                spawn     /bin/true as a program of this machine
                start     from the call of start to the end of a first command
                crowd     the same for many at once: until the last has ended
                run       run_in_session "echo hi"
                execute   execute ["true"]
                copy      cp(1) of a file of --size on this machine
                upload    the same into a sandbox
                download  the same out of it
                idle      sandboxes with a session, and the memory each takes; only where --only or --idle asks
            """,
        options: [only, seconds, image, runtime, crowd, idle, size, ServerAccess.json] + ServerAccess.options,
        examples: [
            .init("rockctl bench sandbox", "The table, of jails of the machine's own tree."),
            .init("rockctl bench sandbox --only start --image python:3.11 --runtime docker", "Starts of containers."),
        ],
        catchesSignals: true
    ) { call in
        let server = try await ServerAccess.open(call)
        _ = try await server.call("sandbox.list", ["page_size": "1"])  // says why, where it does not answer
        let bench = SandboxBench(
            place: try HTTPPlace.named(server.url), key: try ServerAccess.key(call), image: call[image],
            runtime: call[runtime], duration: .seconds(call[seconds]), crowd: call[crowd], idle: call[idle],
            size: call[size])
        let names = SandboxBench.Name.allCases.filter { name in
            if let only = call[only] { return only == name.rawValue }
            return name != .idle || call.names(idle)
        }
        let results = try await Interrupted.watching {
            var results: [BenchResult] = []
            for name in names {
                try Task.checkCancellation()
                results.append(try await BlockingPool.run { try bench.measure(name) })
            }
            return results
        }
        try call.console.write(
            call[ServerAccess.json]
                ? ImageArgument.line([
                    "version": .string(Rock.version), "image": .string(call[image]), "runtime": .string(call[runtime]),
                    "processors": .number(.init(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
                    "results": .array(results.map(\.json)),
                ]) : text(results, call.console.style))
        return .success
    }

    private static func text(_ results: [BenchResult], _ style: Style) -> String {
        let median = { (name: SandboxBench.Name) in
            results.first { $0.name == name.rawValue }?.times.microseconds(at: 0.5)
        }
        let rows = results.map { result in
            let peer: SandboxBench.Name? =
                switch SandboxBench.Name(rawValue: result.name) {
                case .execute: .spawn
                case .upload, .download: .copy
                default: nil
                }
            let ratio = peer.flatMap { peer in
                median(peer).map { time in
                    "\(number((result.times.microseconds(at: 0.5) / time * 100).rounded() / 100)) × \(peer.rawValue)"
                }
            }
            return [result.name] + result.columns.dropLast() + [ratio ?? "", result.columns.last ?? ""]
        }
        return Table(["", "P50 µs", "P99 µs", "PER SECOND", "RATIO", ""], rows, right: [1, 2, 3]).text(style: style)
    }
}
