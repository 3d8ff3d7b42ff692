import CLinux
import GEM
import Glibc
import Transport

private let json = Option.flag("json", summary: "Write one JSON object")

extension Command {
    /// `rockctl model-service stop`.
    static let modelServiceStop: Command = .init(
        "stop", summary: "Stop the model service of this directory",
        discussion: """
            Asks the process to end, and ends it after ten seconds. That none runs is no failure.
            """
    ) { call in
        guard let running = try ModelServiceRun.running(), running.process > 0 else {
            ModelServiceRun.clear()
            try call.console.write("no model service runs in this directory\n")
            return .success
        }
        let opened = rock_pidfd_open(running.process)
        // The descriptor names the holder of the lock for good only if that still was the holder when it was opened.
        if opened >= 0, case let process = OwnedDescriptor(opened),
            try ModelServiceRun.running()?.process == running.process
        {
            rock_pidfd_send_signal(process.rawValue, SIGTERM)
            if !wait(for: process, .seconds(10)) {
                rock_pidfd_send_signal(process.rawValue, SIGKILL)
                _ = wait(for: process, .seconds(5))
            }
        }
        ModelServiceRun.clear()
        try call.console.write("stopped the model service, process \(running.process)\n")
        return .success
    }

    private static func wait(for process: borrowing OwnedDescriptor, _ patience: Duration) -> Bool {
        let deadline = ContinuousClock.now + patience
        var ended = pollfd(fd: process.rawValue, events: Int16(POLLIN), revents: 0)
        while ended.revents == 0, case let left = deadline - .now, left > .zero {
            _ = poll(&ended, 1, Int32(left / .milliseconds(1)) + 1)
        }
        return ended.revents != 0
    }

    /// `rockctl model-service status`.
    static let modelServiceStatus: Command = .init(
        "status", summary: "Show whether a model service runs in this directory",
        discussion: """
            Ends with 0 where one runs, with 3 where none does.
            """,
        options: [json]
    ) { call in
        let running = try ModelServiceRun.running()
        if call[json] {
            var facts = running?.facts.object ?? [:]
            facts["running"] = .bool(running != nil)
            if let running { facts["pid"] = .number(JSON.Number(Int(running.process))) }
            try call.console.write(String(decoding: JSON.object(facts).serialized, as: UTF8.self) + "\n")
        } else if let running {
            let fact = { (name: String) in running.facts[name]?.string ?? "?" }
            try call.console.write(
                """
                \(call.console.style.paint("running", .good))  \(fact("url"))
                  type      \(fact("type"))
                  process   \(running.process)
                  data      \(fact("data_dir"))

                """)
        } else {
            try call.console.write("no model service runs in this directory\n")
        }
        return running == nil ? .unreachable : .success
    }
}
