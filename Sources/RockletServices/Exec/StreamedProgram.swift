import Glibc
import Transport

/// A program whose streams somebody carries while it runs. For the loop's thread only.
final class StreamedProgram: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    enum Item: Sendable {
        /// Bytes of standard output (1) or error (2); a terminal has one stream, 1.
        case output(stream: UInt8, bytes: [UInt8])
        /// The last.
        case ended(ChildStatus)
    }

    /// How much may wait to be carried away before the program has to.
    private static let highWater = 1 << 20  // bytes
    /// See ``Execution``: what may be written after the program's own end.
    private static let afterlife: Duration = .milliseconds(250)

    let items: AsyncStream<Item>
    private let continuation: AsyncStream<Item>.Continuation
    private let context: ServerContext
    private let terminal: Terminal?
    private let input: InputWriter?
    private var readers: [OutputReader] = []
    private(set) var process: Int32 = 0
    private var status: ChildStatus?
    private var openStreams = 0
    private var waiting = 0
    private var isPaused = false
    private var hasFinished = false

    /// Starts `program` with pipes, or on a terminal of the size given.
    ///
    /// - Throws: ``RockletException`` where it cannot be started.
    init(_ program: Program, terminalSize: (rows: Int, columns: Int)?, _ context: ServerContext) throws {
        self.context = context
        (items, continuation) = AsyncStream.makeStream()
        if let terminalSize {
            let terminal = try Terminal(echoes: true, on: context.loop)
            terminal.resize(rows: terminalSize.rows, columns: terminalSize.columns)
            self.terminal = terminal
            input = nil
            let stream = try terminal.openForProgram(of: program.account)
            process = try program.start([stream.rawValue, stream.rawValue, stream.rawValue], takesTerminal: true)
        } else {
            terminal = nil
            let stdin = try Pipe()
            let stdout = try Pipe()
            let stderr = try Pipe()
            process = try program.start([stdin.reader.rawValue, stdout.writer.rawValue, stderr.writer.rawValue])
            input = try InputWriter(stdin.takeWriter(), on: context.loop)
            readers = [
                OutputReader(stdout.takeReader(), on: context.loop),
                OutputReader(stderr.takeReader(), on: context.loop),
            ]
        }
        context.children.whenEnded(process) { [self] status in end(status) }
        if let terminal {
            try terminal.start(.init(bytes: { [weak self] in self?.receive(1, $0) }, end: {}))
        }
        openStreams = readers.count
        for (index, reader) in readers.enumerated() {
            let end = { [weak self] in
                self?.openStreams -= 1
                self?.finishIfOver()
            }
            try reader.start(.init(bytes: { [weak self] in self?.receive(UInt8(index + 1), $0) }, end: { end() }))
        }
    }

    // MARK: Output

    private func receive(_ stream: UInt8, _ bytes: UnsafeRawBufferPointer) {
        waiting += bytes.count
        continuation.yield(.output(stream: stream, bytes: Array(bytes)))
        guard waiting > Self.highWater, !isPaused else { return }
        isPaused = true
        terminal?.pause()
        for reader in readers { reader.pause() }
    }

    /// Says that `count` bytes have been carried away.
    func passed(_ count: Int) throws {
        waiting -= count
        guard isPaused, waiting < Self.highWater / 2 else { return }
        isPaused = false
        try terminal?.resume()
        for reader in readers { try reader.resume() }
        finishIfOver()
    }

    // MARK: Input

    /// Passes bytes to the program, and waits while it has many unread.
    func write(_ bytes: ArraySlice<UInt8>) async {
        if let terminal {
            terminal.type(bytes)
            await terminal.waitForRoom()
        } else if let input {
            input.write(bytes)
            await input.waitForRoom()
        }
    }

    /// No more input comes.
    func finishInput() {
        input?.finish()
        // What a person types to say so.
        terminal?.type([0x04])
    }

    func control(_ control: TerminalControl) {
        switch control {
        case .resize(let rows, let columns): terminal?.resize(rows: rows, columns: columns)
        case .signal(let signal):
            guard status == nil else { return }
            kill(-(terminal?.foreground ?? process), signal)
        }
    }

    // MARK: The end

    private func end(_ status: ChildStatus) {
        self.status = status
        input?.close()
        finishIfOver()
        guard !hasFinished else { return }
        if let terminal, !isPaused { drain(terminal) }
        context.loop.schedule(at: .now + Self.afterlife) { [weak self] in self?.finish() }
    }

    /// Everything that was written before a mark of ours is there once the mark is.
    private func drain(_ terminal: Terminal) {
        var barrier = OutputBarrier()
        guard terminal.mark(barrier.mark) else { return }
        terminal.listen(
            .init(
                bytes: { [weak self] bytes in
                    let (before, after) = barrier.pass(bytes)
                    if !before.isEmpty { before.withUnsafeBytes { self?.receive(1, $0) } }
                    if after != nil { self?.finish() }
                }, end: {}))
    }

    private func finishIfOver() {
        if status != nil, terminal == nil, openStreams == 0 { finish() }
    }

    private func finish() {
        guard !hasFinished, !isPaused, let status else { return }
        hasFinished = true
        continuation.yield(.ended(status))
        continuation.finish()
        terminal?.close()
        for reader in readers where reader.isOpen { Leftovers.shared.adopt(reader) }
        readers = []
    }

    /// Nobody carries the streams any more: ends the program and what it has started.
    func abandon() {
        hasFinished = true
        continuation.finish()
        if status == nil {
            let others = ProcessTable.descendants(of: process)
            kill(-process, SIGKILL)
            for other in others { kill(other, SIGKILL) }
        }
        input?.close()
        terminal?.close()
        for reader in readers { reader.close() }
        readers = []
    }
}
