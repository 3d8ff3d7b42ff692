import CLinux
import GEM
import Glibc
import Transport

/// One program, run to its end with its output kept. For the loop's thread only.
final class Execution: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    /// How a program ended, and what it wrote.
    struct Result: Sendable {
        var status: ChildStatus
        var output: CappedOutput
        var errors: CappedOutput
    }

    /// How long to wait for what writes on after the program itself has ended: a filter that empties its pipe needs less,
    /// and a server that was left in the background writes for ever.
    private static let afterlife: Duration = .milliseconds(250)

    private let context: ServerContext
    private let outputReader: OutputReader
    private let errorReader: OutputReader
    private let inputWriter: InputWriter?
    private let process: Int32
    private var result: Result
    private var hasEnded = false
    private var failure: RockletException?
    private var timers: [EventLoop.Timer] = []
    private var waiter: CheckedContinuation<Result, any Error>?

    /// Answers `POST /execute`.
    static func answer(_ call: Call, _ context: ServerContext) async throws -> HTTPResponse {
        let request = try ExecuteRequest(try await call.fields())
        let result = try await run(request, context)
        return request.answer(result)
    }

    /// Runs `request` to its end, which comes at once when the task is cancelled.
    ///
    /// - Throws: ``RockletException``: that it could not be started, was not done in time, or, with `check`, failed.
    static func run(_ request: ExecuteRequest, _ context: ServerContext) async throws -> Result {
        let execution = try Execution(request, context)
        let result = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                execution.waiter = waiter
                execution.finishIfOver()
            }
        } onCancel: {
            context.loop.execute { execution.kill() }
        }
        try request.check(result)
        return result
    }

    private init(_ request: ExecuteRequest, _ context: ServerContext) throws {
        self.context = context
        let program = try request.program(context.environment)
        let output = try Pipe()
        let errors = try Pipe()
        result = Result(
            status: .exited(0), output: CappedOutput(limit: request.outputLimit),
            errors: CappedOutput(limit: request.outputLimit))
        if request.input.isEmpty {
            let null = OwnedDescriptor(
                try SystemCallError.check(open("/dev/null", O_RDONLY | O_CLOEXEC), "open", "/dev/null"))
            process = try program.start([null.rawValue, output.writer.rawValue, errors.writer.rawValue])
            inputWriter = nil
        } else {
            let input = try Pipe()
            process = try program.start([input.reader.rawValue, output.writer.rawValue, errors.writer.rawValue])
            inputWriter = try InputWriter(input.takeWriter(), on: context.loop)
        }
        outputReader = OutputReader(output.takeReader(), on: context.loop)
        errorReader = OutputReader(errors.takeReader(), on: context.loop)
        context.children.whenEnded(process) { [self] status in end(status) }
        if let timeout = request.timeout { expire(after: timeout) }
        inputWriter?.write(request.input[...])
        inputWriter?.finish()
        try outputReader.start(.init(bytes: { [self] in result.output.append($0) }, end: { [self] in finishIfOver() }))
        try errorReader.start(.init(bytes: { [self] in result.errors.append($0) }, end: { [self] in finishIfOver() }))
    }

    private func expire(after seconds: Double) {
        let failure = RockletException(
            .commandTimeout, "Timeout (\(seconds)s) exceeded while running command")
        timers.append(
            context.loop.schedule(at: .now + .limit(seconds)) { [weak self] in
                guard let self, !hasEnded else { return }
                self.failure = failure
                kill()
            })
    }

    /// Ends the program and everything that it has started, as far as it can be told.
    private func kill() {
        guard !hasEnded else { return }
        let others = ProcessTable.descendants(of: process)
        Glibc.kill(-process, SIGKILL)
        for other in others { Glibc.kill(other, SIGKILL) }
    }

    private func end(_ status: ChildStatus) {
        hasEnded = true
        result.status = status
        inputWriter?.close()
        finishIfOver()
        guard waiter != nil else { return }
        timers.append(context.loop.schedule(at: .now + Self.afterlife) { [weak self] in self?.finish() })
    }

    private func finishIfOver() {
        if hasEnded, !outputReader.isOpen, !errorReader.isOpen { finish() }
    }

    private func finish() {
        guard let waiter = waiter.take() else { return }
        for timer in timers { timer.cancel() }
        timers = []
        // Who still writes must not be killed by it: read on and forget.
        for reader in [outputReader, errorReader] where reader.isOpen { Leftovers.shared.adopt(reader) }
        if let failure { waiter.resume(throwing: failure) } else { waiter.resume(returning: result) }
        result.output = CappedOutput()
        result.errors = CappedOutput()
    }
}

extension Duration {
    /// A caller's seconds; what is beyond a year is a year.
    static func limit(_ seconds: Double) -> Duration {
        .milliseconds(Int(min(max(seconds, 0), 31_536_000) * 1000))
    }
}
