import GEM
import Glibc
import Transport

private let json = Option.flag("json", summary: "Write one JSON object")

extension Command {
    /// `rockctl admin status`.
    static let administrationStatus: Command = .init(
        "status", summary: "Show whether a server runs, and how it is",
        discussion: """
            Ends with 0 where the server of the data directory answers, with 3 where none runs or it does not answer.
            """,
        options: [json, ServerSettings.dataDirectory, ServerSettings.configuration]
    ) { call in
        let directory = try ServerSettings.directory(call)
        guard let holder = try PidFile.holder(in: directory) else {
            try call.console.write(
                call[json]
                    ? line(["running": false, "data_dir": .string(directory)]) : "no server runs in \(directory)\n")
            return .unreachable
        }
        let isHealthy = if let url = holder.url { await answers(url) } else { true }
        let uptime = max(0, time(nil) - holder.readySince)
        let memory = residentBytes(holder.process)
        if call[json] {
            try call.console.write(
                line([
                    "running": true, "healthy": .bool(isHealthy), "pid": .number(JSON.Number(Int(holder.process))),
                    "url": holder.url.map(JSON.string) ?? .null, "uptime_seconds": .number(JSON.Number(uptime)),
                    "memory_bytes": memory.map { .number(JSON.Number($0)) } ?? .null, "data_dir": .string(directory),
                ]))
        } else {
            let state =
                isHealthy ? call.console.style.paint("running", .good) : call.console.style.paint("silent", .error)
            try call.console.write(
                """
                \(state)  \(holder.url ?? "without a TCP address")
                  process   \(holder.process)\(memory.map { ", \($0 >> 20) MiB resident" } ?? "")
                  ready for \(uptime) s
                  data      \(directory)

                """)
        }
        return isHealthy ? .success : .unreachable
    }

    private static func line(_ json: JSON) -> String { String(decoding: json.serialized, as: UTF8.self) + "\n" }

    /// Whether the server at `url` says within five seconds that it is well.
    private static func answers(_ url: String) async -> Bool {
        do {
            let place = try HTTPPlace.named(url)
            let loop = try EventLoop(name: "client")
            var configuration = HTTPClientConfiguration()
            configuration.connectTimeout = .seconds(5)
            configuration.idleTimeout = .seconds(5)
            let client = HTTPClient(
                try await place.knownAddress(), host: place.authority, on: loop, configuration: configuration)
            return try await client.send(HTTPClientRequest("GET", place.path + "/health")).status == .ok
        } catch {
            return false  // why it does not answer is for its log to say
        }
    }

    /// The memory that `process` holds, from `/proc`; `nil` where it may not be seen.
    private static func residentBytes(_ process: pid_t) -> Int? {
        let file = open("/proc/\(process)/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        let fields = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? Int(fields[1]).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) } : nil
    }
}
