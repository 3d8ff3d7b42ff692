import Admin
import GEM
import Glibc
import SandboxHost

private let json = Option.flag("json", summary: "Write one JSON object")

extension Command {
    /// `rockctl doctor`: what this machine can do for sandboxes, found out by trying.
    static let doctor: Command = .init(
        "doctor", summary: "Check what this machine can do, and say what to mend",
        discussion: """
            Starts a server with whatever isolation the kernel grants, plays a turn in a sandbox and closes it again. Then \
            asks each driver of sandboxes with a root filesystem what works and what is missing: the server of the data \
            directory does it where one runs. Last comes what the data directory holds.

            Ends with 0 where every wall stands and a driver works, with 5 where a wall or every driver is missing, with 1 \
            where no sandbox can be made.
            """,
        options: [json, ServerSettings.dataDirectory, ServerSettings.configuration],
        catchesSignals: true
    ) { call in
        let settings = try ServerSettings.read(call)
        let (report, machine) = try await Interrupted.watching {
            (try await Examination.run(), try await MachineExamination.run(settings))
        }
        try call.console.write(
            call[json]
                ? ImageArgument.line(report.json(with: machine))
                : report.text(style: call.console.style) + machine.text(style: call.console.style))
        return report.isolation.isComplete && machine.isUsable ? .success : .refused
    }
}

/// What an examination of the machine found.
private struct Examination: Sendable {
    let isolation: IsolationReport
    /// From the call of `make` to its answer.
    let makeTime: Duration
    /// From the call of `step` to its answer.
    let stepTime: Duration

    /// Makes an environment on a server of its own and plays a turn.
    static func run() async throws -> Self {
        let server = try await EmbeddedServer(sandboxes: 1, isolation: .bestEffort)
        do {
            let clock = ContinuousClock()
            let start = clock.now
            let sandbox = try await EnvironmentClient("game:Sokoban-v0-easy", RPCClient(carrier: server))
            let made = clock.now
            _ = try await sandbox.reset(seed: 1, picture: nil, proposing: false)
            let ready = clock.now
            _ = try await sandbox.step("\\boxed{up}", picture: nil, proposing: false)
            let result = Self(isolation: server.isolation, makeTime: made - start, stepTime: clock.now - ready)
            await sandbox.close()
            await server.close()
            return result
        } catch {
            await server.close()
            throw error
        }
    }

    /// Facts about the machine that decide nothing but explain much.
    private static var facts: [(name: String, value: String)] {
        var kernel = utsname()
        uname(&kernel)
        let release = withUnsafeBytes(of: &kernel.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        var files = rlimit()
        getrlimit(__rlimit_resource_t(7), &files)  // RLIMIT_NOFILE
        return [
            ("kernel", release), ("processors", String(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
            ("user", geteuid() == 0 ? "root" : "uid \(geteuid())"),
            ("open_files", "\(files.rlim_cur) of \(files.rlim_max)"),
        ]
    }

    func json(with machine: MachineExamination) -> JSON {
        var facts = JSON.Object()
        for fact in Self.facts { facts[fact.name] = .string(fact.value) }
        // The report is JSON that this program wrote, so it can be read.
        let isolation = (try? JSON(parsing: isolation.json.span)) ?? .null
        return [
            "version": .string(Rock.version), "machine": .object(facts), "isolation": isolation,
            "make_seconds": double(makeTime / .seconds(1)), "step_seconds": double(stepTime / .seconds(1)),
            "drivers": machine.driversJSON, "data_directory": machine.placeJSON,
        ]
    }

    func text(style: Style) -> String {
        var text = ""
        for fact in Self.facts { text += "  \(pad(fact.name))\(fact.value)\n" }
        text += "  \(pad("make"))\(number(makeTime / .milliseconds(1))) ms\n"
        text += "  \(pad("step"))\(number(stepTime / .milliseconds(1))) ms\n\n"
        for entry in isolation.entries {
            let mark = entry.holds ? style.paint("ok", .good) : style.paint("NO", .error)
            text += "  \(mark)  \(pad(entry.wall.rawValue))\(entry.reason ?? "")".trimmed + "\n"
            if let remedy = entry.remedy { text += "        \(remedy)\n" }
        }
        let count = isolation.entries.count { $0.holds }
        return text + "\n\(count) of \(isolation.entries.count) walls stand around every sandbox.\n"
    }

    private func pad(_ name: String) -> String {
        name + String(repeating: " ", count: max(1, 20 - name.count))
    }
}

extension String {
    /// Without blanks at the end.
    fileprivate var trimmed: Substring {
        self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)]
    }
}
