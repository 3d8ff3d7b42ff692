import GEM
import Glibc
import ModelService
import Registry
import Transport

private let foreground = Option.flag("foreground", summary: "Stay in the terminal, and write the log to standard error")

extension Command {
    /// `rockctl model-service start`.
    static let modelServiceStart: Command = .init(
        "start", summary: "Start a model service",
        discussion: """
            Returns when the service is ready, which then runs in the background until 'rockctl model-service stop'. Its log is \
            $ROCK_LOGGING_FILE_NAME (model_service.log) in $ROCK_LOGGING_PATH, or in the data directory.

            Of type local it answers POST /v1/chat/completions with what a training loop says, of type proxy also \
            /v1/completions, /v1/embeddings, /v1/models and /v1/messages with what model servers say. Both answer GET /health.
            """,
        options: [
            ModelServiceSettings.type, ModelServiceSettings.file, ModelServiceSettings.host, ModelServiceSettings.port,
            ModelServiceSettings.baseURL, ModelServiceSettings.codes, ModelServiceSettings.timeout,
            ModelServiceSettings.keyFile, ModelServiceSettings.record, ModelServiceSettings.recordingFile,
            ModelServiceSettings.replay, ModelServiceSettings.replayFile, ModelServiceSettings.dataDirectory,
            ModelServiceSettings.appends, ModelServiceSettings.resume, foreground,
        ],
        examples: [
            .init("rockctl model-service start --type local", "A training loop answers."),
            .init(
                "rockctl model-service start --type proxy --proxy-base-url https://api.openai.com/v1 --api-key-file key",
                "A model server answers; the agent needs no key."),
            .init("rockctl model-service start --type proxy --replay run.jsonl", "What was recorded answers, offline."),
        ],
        catchesSignals: true
    ) { call in
        let settings = try ModelServiceSettings.read(call)
        if let running = try ModelServiceRun.running() { throw ModelServiceRun.isTaken(running.process) }
        if call[foreground] { return try await serve(settings, call.console) }
        let folder = try ServerSettings.absolute(Console.variable("ROCK_LOGGING_PATH") ?? settings.dataFolder)
        let name = Console.variable("ROCK_LOGGING_FILE_NAME") ?? "model_service.log"
        try makeFolder(folder)
        let arguments = CommandLine.arguments.dropFirst() + [foreground.declaration.spelling]
        let (process, ready) = try DetachedServer.start(Array(arguments), directory: folder, log: name)
        try call.console.write("\(ready), process \(process), log \(folder)/\(name)\n")
        return .success
    }

    /// Runs a service until a signal ends it.
    private static func serve(
        _ settings: ModelServiceConfiguration, _ console: Console
    ) async throws -> ExitCode {
        let loop = try EventLoop(name: "signals")
        let signals = try SignalSource(Interrupted.signals, on: loop)
        let here = try ServerSettings.absolute(".")
        let times = TimeFormat(zone: .utc)
        let group = try EventLoopGroup(count: min(4, EventLoopGroup.processors))
        guard let address = SocketAddress(host: settings.host, port: UInt16(settings.port)) else {
            throw CommandError(.usage, "--host: '\(settings.host)' is not an address in figures")
        }
        let run = try ModelServiceRun.take(in: here)
        let service = try await ModelService(settings, group: group) { level, text in
            console.report("\(times.logText(Timestamp.now())) \(level.rawValue) \(text)\n")
        }
        let bound = try await service.start(on: address)
        let url = "http://\(bound)"
        try run.note(
            [
                "url": .string(url), "type": .string(settings.type.rawValue), "data_dir": .string(settings.dataFolder),
                "started": .number(JSON.Number(time(nil))),
            ])
        let ready = "model service is ready at \(url)"
        // So that no file system is held busy.
        if DetachedServer.announce(ready) { chdir("/") } else { try console.write(ready + "\n") }
        for await _ in signals.signals { break }
        await service.shutDown(within: .seconds(5))
        _ = consume run
        return .success
    }

    private static func makeFolder(_ path: String) throws {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw SystemCallError("mkdir", made, errno: errno) }
        }
    }
}
