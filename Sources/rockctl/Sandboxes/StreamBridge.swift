import GEM
import Glibc
import Synchronization
import Transport

/// Joins the streams of this process with those of a program in a sandbox.
///
/// A terminal here becomes the program's: raw, resized with ours, left by the detach keys, and put back whatever happens. Without one,
/// Ctrl-C and SIGTERM are passed on as signals; a second one ends the command itself.
struct StreamBridge: Sendable {
    /// What travels on the WebSocket.
    enum Form: Sendable {
        /// Messages begin with the number of the stream: 0 input, 1 output, 2 errors.
        case program
        /// The bytes of a terminal that was there before.
        case terminal
    }

    let socket: WebSocket
    let form: Form
    let console: Console
    let takesInput: Bool
    let hasTerminal: Bool
    var detachKeys = DetachKeys([])
    var timeout: Duration?

    /// How it ended.
    enum End: Sendable, Equatable {
        /// The program's status, 128 and the signal's number where a signal ended it.
        case exited(Int32)
        /// It could not be started.
        case refused(String)
        case detached, timedOut
        /// The connection broke off.
        case lost
    }

    /// Carries everything until the program, the person or the time ends it.
    ///
    /// - Throws: ``Interrupted``; ``ClosedPipe``; ``CommandError`` where a stream of ours fails.
    func run() async throws -> End {
        let terminal = hasTerminal && console.inputIsTerminal ? try RawTerminal() : nil
        defer { terminal?.restore() }
        let loop = try EventLoop(name: "signals")
        defer { loop.shutDown() }
        let signals = try SignalSource(Interrupted.signals + [SIGWINCH], on: loop)
        defer { signals.cancel() }
        let input = takesInput ? try InputReader() : nil
        return try await withThrowingTaskGroup(of: End?.self) { group in
            group.addTask { try await passOutput() }
            group.addTask { try await pass(signals.signals, terminal) }
            group.addTask { try await stayKnown(loop) }
            if let input { group.addTask { try await pass(input) } }
            if let timeout {
                group.addTask {
                    try await loop.sleep(until: .now + timeout)
                    return .timedOut
                }
            }
            defer { socket.close() }
            while let end = try await group.next() {
                if let end {
                    group.cancelAll()
                    return end
                }
            }
            return .lost
        }
    }

    // MARK: From the sandbox

    private func passOutput() async throws -> End {
        do {
            for try await message in socket {
                switch message {
                case .binary(let bytes):
                    try await write(bytes)
                case .text(let text):
                    if let end = Self.end(text) { return end }
                }
            }
        } catch is ConnectionError {
            return .lost
        } catch is WebSocketError {
            return .lost
        }
        return .lost
    }

    private func write(_ bytes: [UInt8]) async throws {
        let console = console
        let isError = form == .program && bytes.first == 2
        let content = form == .program ? Array(bytes.dropFirst()) : bytes
        // Whoever reads our output may take their time, which must not hold up signals.
        try await BlockingPool.run {
            if isError { try console.write(bytesToError: content) } else { try console.write(bytes: content) }
        }
    }

    private static func end(_ text: [UInt8]) -> End? {
        guard let json = try? JSON(parsing: text.span) else { return nil }
        if let error = json["error"]?.string { return .refused(error) }
        if let signal = json["signal"]?.int, signal > 0 { return .exited(Int32(clamping: 128 + signal)) }
        return json["exit_code"]?.int.map { .exited(Int32(clamping: $0)) }
    }

    // MARK: To the sandbox

    private func pass(_ input: InputReader) async throws -> End? {
        var keys = hasTerminal ? detachKeys : DetachKeys([])
        do {
            while true {
                let typed = try await input.next()
                if typed.isEmpty {
                    if form == .program { try await socket.send(binary: [0]) }
                    return nil
                }
                let (bytes, isDetached) = keys.pass(typed)
                if !bytes.isEmpty { try await socket.send(binary: form == .program ? [0] + bytes : bytes) }
                if isDetached { return .detached }
            }
        } catch is ConnectionError {
            return nil  // whoever reads the socket hears why
        }
    }

    private func pass(_ signals: AsyncStream<Int32>, _ terminal: RawTerminal?) async throws -> End? {
        var count = 0
        for await signal in signals {
            do {
                if signal == SIGWINCH {
                    if hasTerminal { try await sendSize() }
                    continue
                }
                count += 1
                guard form == .program, terminal == nil, signal != SIGHUP, count == 1 else { throw Interrupted() }
                try await socket.send(text: #"{"signal":"\#(signal == SIGINT ? "INT" : "TERM")"}"#)
            } catch is ConnectionError {
                return nil
            }
        }
        return nil
    }

    private func sendSize() async throws {
        let size = console.size ?? (columns: 80, rows: 24)
        try await socket.send(text: #"{"resize":[\#(min(size.rows, 4096)),\#(min(size.columns, 4096))]}"#)
    }

    /// A server gives up clients that say nothing, not even an answer to a ping, which stays unread while nobody takes our output.
    private func stayKnown(_ loop: EventLoop) async throws -> End? {
        do {
            while true {
                try await loop.sleep(until: .now + .seconds(30))
                try await sendSize()
            }
        } catch is ConnectionError {
            return nil
        }
    }
}
