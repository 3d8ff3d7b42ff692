import CLinux
import Glibc
import Transport

/// One bash on a pseudo-terminal of its own. For the loop's thread only.
///
///     Session.swift              its state, what it hears, its queue
///     Session+Start.swift        bash, until its first prompt
///     Session+Run.swift          commands
///     Session+Interrupt.swift    commands that do not end, and the end of the session
///     Session+Replacement.swift  another program in the shell's place
///     Session+Attach.swift       people at the terminal
///     ShellScript.swift          what bash is told
final class Session: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    enum State: Equatable {
        /// Bash has not come to its first prompt.
        case starting
        case idle
        case running
        /// A run has been answered, and what it started is in the foreground still.
        case occupied
        case ended(ChildStatus)
    }

    /// What a run waits for.
    enum Event {
        case report(ShellScript.Report)
        /// An expression has matched.
        case matched
        /// Everything that was written up to now has been read.
        case outputComplete
        case deadline(Int)
        case cancelled(Int)
        /// The shell lives and cannot report any more.
        case reportsClosed
        case shellEnded
    }

    /// Runs that may wait for their turn.
    private static let queueLimit = 64
    /// What is kept of the output for people who come later.
    private static let historyBytes = 256 * 1024
    /// What is kept of the output that comes while nothing runs.
    private static let pendingLimit = 64 * 1024

    let name: String
    let context: ServerContext
    let terminal: Terminal
    let commandFile: MemoryFile
    let account: UserAccount?
    let bash: String
    var process: Int32 = 0
    var state = State.starting
    /// The number of the last command; its reports bear it.
    var lastID = 0
    var shownCommand = ""

    /// What the current run has written.
    var output: CappedOutput?
    var window: ExpectationWindow?
    /// The expression that has matched, and what had been written before.
    var match: (expectation: Expectation, output: CappedOutput)?
    /// What came while nothing ran: it belongs to the next run.
    var pending = CappedOutput(limit: pendingLimit)
    var barrier: OutputBarrier?
    var history = ByteRing(capacity: historyBytes)
    var attachments: [Attachment] = []
    var reports: OutputReader?
    /// Tells the shell from what takes its place.
    var shellMark: ProcessMark?
    /// Whether something was typed that may have put another program in the shell's place without a sign.
    var wasTypedAt = false
    /// Those who wait for the shell's end.
    var whenEnded: [CheckedContinuation<Void, Never>] = []
    private var reportLine: [UInt8] = []

    private var events: [Event] = []
    private var listener: CheckedContinuation<Event, Never>?
    private var isBusy = false
    private var queue: [(id: Int, turn: CheckedContinuation<Void, any Error>)] = []
    private var tickets = 0

    init(
        name: String, bash: String, account: UserAccount?, terminal: Terminal, commandFile: consuming MemoryFile,
        _ context: ServerContext
    ) {
        self.name = name
        self.bash = bash
        self.account = account
        self.terminal = terminal
        self.commandFile = commandFile
        self.context = context
    }

    var hasEnded: Bool { if case .ended = state { true } else { false } }

    // MARK: What it hears

    /// The terminal's output.
    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard var barrier else { return emit(Array(bytes)) }
        let (before, after) = barrier.pass(bytes)
        self.barrier = after == nil ? barrier : nil
        if !before.isEmpty { emit(before) }
        guard let after else { return }
        tell(.outputComplete)
        if !after.isEmpty { keep(after) }
    }

    /// Output of the current run, or what waits for the next.
    func emit(_ bytes: [UInt8]) {
        show(bytes)
        if window != nil, output != nil {
            if let old = window?.append(bytes) { output?.append(old) }
            if let (expectation, range) = window?.match() { matched(expectation, range) }
        } else if output != nil {
            output?.append(bytes[...])
        } else if attachments.isEmpty || state != .idle {
            // What people do at the terminal is theirs.
            pending.append(bytes[...])
        }
    }

    private func matched(_ expectation: Expectation, _ range: Range<Int>) {
        guard let all = window?.empty() else { return }
        window = nil
        output?.append(all[..<range.lowerBound])
        match = output.take().map { (expectation, $0) }
        pending.append(all[range.upperBound...])
        tell(.matched)
    }

    /// Output behind the end of the current run.
    private func keep(_ bytes: [UInt8]) {
        show(bytes)
        pending.append(bytes[...])
    }

    /// Lets people see it.
    func show(_ bytes: [UInt8]) {
        history.append(bytes)
        for attachment in attachments { attachment.send(bytes) }
    }

    /// The shell's own reports, line by line.
    func receiveReports(_ bytes: UnsafeRawBufferPointer) {
        reportLine += bytes
        while let end = reportLine.firstIndex(of: 0x0A) {
            let report = ShellScript.Report(reportLine[..<end])
            reportLine.removeSubrange(...end)
            if let report { tell(.report(report)) }
        }
        // The shell's lines are short: this is somebody else's, who has found the descriptor.
        if reportLine.count > 256 { reportLine = [] }
    }

    // MARK: Events

    func tell(_ event: Event) {
        if let listener = listener.take() { return listener.resume(returning: event) }
        if isBusy { return events.append(event) }
        // Nobody waits: what was left in the foreground has ended, or somebody at the terminal has had a line run.
        if case .report = event {
            if state == .occupied { state = .idle }
            offerPrompt()
        }
    }

    /// Forgets what has happened before a run began.
    func forgetEvents() { events = [] }

    /// The next thing that happens. For the run whose turn it is.
    func nextEvent() async -> Event {
        if !events.isEmpty { return events.removeFirst() }
        return await withCheckedContinuation { listener = $0 }
    }

    /// Has a deadline told as an event.
    func schedule(_ limit: Duration) -> (ticket: Int, timer: EventLoop.Timer) {
        tickets += 1
        let ticket = tickets
        let timer = context.loop.schedule(at: .now + limit) { [weak self] in self?.tell(.deadline(ticket)) }
        return (ticket, timer)
    }

    // MARK: Turns

    /// Runs `body` when it is its turn: one after the other, in the order they came.
    ///
    /// - Throws: ``RockletException`` where too many wait; `CancellationError`; what `body` throws.
    func inTurn<Value>(_ body: (_ ticket: Int) async throws -> Value) async throws -> Value {
        tickets += 1
        let ticket = tickets
        return try await withTaskCancellationHandler {
            try await waitForTurn(ticket)
            defer { passTurn() }
            return try await body(ticket)
        } onCancel: {
            context.loop.execute { self.cancel(ticket) }
        }
    }

    private func waitForTurn(_ ticket: Int) async throws {
        guard isBusy else {
            isBusy = true
            return
        }
        guard queue.count < Self.queueLimit else {
            throw RockletException(
                .runtime,
                "session \(PythonText.quoted(name)) has \(Self.queueLimit) commands waiting; wait for some to end")
        }
        try await withCheckedThrowingContinuation { queue.append((ticket, $0)) }
    }

    private func passTurn() {
        if state == .occupied, events.contains(where: { if case .report = $0 { true } else { false } }) {
            state = .idle
        }
        events = []
        if queue.isEmpty {
            isBusy = false
            offerPrompt()
        } else {
            queue.removeFirst().turn.resume()
        }
    }

    private func cancel(_ ticket: Int) {
        if let place = queue.firstIndex(where: { $0.id == ticket }) {
            return queue.remove(at: place).turn.resume(throwing: CancellationError())
        }
        if isBusy { tell(.cancelled(ticket)) }
    }
}
