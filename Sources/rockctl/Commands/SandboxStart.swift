import GEM

private let detach = Option.flag("detach", letter: "d", summary: "Return at once, without waiting until it runs")

extension Command {
    /// `rockctl sandbox start`.
    static let sandboxStart: Command = .init(
        "start", summary: "Start a sandbox and write its id",
        discussion: """
            The sandbox runs until it is stopped or not used for long (--auto-clear). Standard error says what was \
            started: the driver, what isolates it, and the ports outside.
            """,
        options: SandboxRequest.options + [ProgramOrder.environment, detach, ServerAccess.json] + ServerAccess.options,
        positionals: [SandboxRequest.image],
        examples: [
            .init("rockctl sandbox start python:3.11", "A sandbox of an image; the network is off as a rule."),
            .init("rockctl sandbox start host --cpus 2 -m 4g --auto-clear 30m", "This machine's own tree, read-only."),
            .init("rockctl sandbox start web -p 8000 --allow pypi.org -l team=a", "A port outside, one host allowed."),
        ],
        catchesSignals: true
    ) { call in
        let server = try await ServerAccess.open(call)
        let id = try await SandboxRequest.begin(call, server)
        var status: JSON = ["sandbox_id": .string(id)]
        if !call[detach] {
            do {
                status = try await Interrupted.watching {
                    try await SandboxRequest.finish(id, within: call[SandboxRequest.wait], server)
                }
            } catch let interrupted as Interrupted {
                call.console.report("it goes on starting: 'rockctl sandbox remove --force \(id)' gives it up\n")
                throw interrupted
            }
        }
        if call[ServerAccess.json] {
            try call.console.write(ImageArgument.line(status))
        } else {
            if let driver = status["driver"]?.string, call.console.errorIsTerminal {
                let isolation = status["isolation"]?.string.map { ", isolation \($0)" } ?? ""
                let ports = SandboxPorts.lines(status).map { ", \($0)" }.joined()
                call.console.report(printable("driver \(driver)\(isolation)\(ports)", limit: 500) + "\n")
            }
            try call.console.write(id + "\n")
        }
        return .success
    }
}
