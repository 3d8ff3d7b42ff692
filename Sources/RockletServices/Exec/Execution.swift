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
    private let process: Int32
    private var result: Result
    private var hasEnded = false
    private var failure: RockletException?
    private var timers: [EventLoop.Timer] = []
    private var waiter: CheckedContinuation<Result, any Error>?

    /// What to run, and how long.
    struct Order {
        var program: Program
        /// What it reads on its standard input.
        var input: [UInt8] = []
        /// Seconds; `nil` for as long as it takes.
        var timeout: Double?
        /// How much is kept of each stream.
        var outputLimit = CappedOutput.defaultLimit
    }

    /// Runs a program to its end, which comes at once when the task is cancelled.
    ///
    /// - Throws: ``RockletException``: that it could not be started, or was not done in time.
    static func run(_ order: Order, _ context: ServerContext) async throws -> Result {
        let execution = try Execution(order, context)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                execution.waiter = waiter
                execution.finishIfOver()
            }
        } onCancel: {
            context.loop.execute { execution.kill() }
        }
    }

    private init(_ order: Order, _ context: ServerContext) throws {
        self.context = context
        let output = try Pipe()
        let errors = try Pipe()
        result = Result(
            status: .exited(0), output: CappedOutput(limit: order.outputLimit),
            errors: CappedOutput(limit: order.outputLimit))
        let input = try Self.open(order.input)
        process = try order.program.start([input.rawValue, output.writer.rawValue, errors.writer.rawValue])
        outputReader = OutputReader(output.takeReader(), on: context.loop)
        errorReader = OutputReader(errors.takeReader(), on: context.loop)
        context.children.whenEnded(process) { [self] status in end(status) }
        if let timeout = order.timeout { expire(after: timeout) }
        try outputReader.start(.init(bytes: { [self] in result.output.append($0) }, end: { [self] in finishIfOver() }))
        try errorReader.start(.init(bytes: { [self] in result.errors.append($0) }, end: { [self] in finishIfOver() }))
    }

    /// Makes `bytes` readable as a file: nobody has to feed a pipe.
    private static func open(_ bytes: [UInt8]) throws -> OwnedDescriptor {
        guard !bytes.isEmpty else {
            return OwnedDescriptor(
                try SystemCallError.check(Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC), "open", "/dev/null"))
        }
        let file = try MemoryFile("input")
        try file.replace(with: bytes)
        return file.takeDescriptor()
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
