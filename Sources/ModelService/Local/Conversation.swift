import CLinux
import GEM
import Glibc
import Synchronization
import Transport

/// A service's side of the conversation with a training loop: requests go out as lines of a file, and come back answered as
/// others.
package final class Conversation: Sendable {
    /// How many requests may wait for their answers.
    private static let waitingLimit = 4096

    private struct State {
        var lastIndex = 0
        var hasEnded = false
        var isClosed = false
        /// Requests whose answer is wanted: who waits, or what has come before anybody did.
        var wanted: [Int: Wait] = [:]
        /// A request that a service before this one has left without an answer, and the answer where there is one.
        var unfinished: (index: Int, text: [UInt8], answer: [UInt8]?)?
    }

    private enum Wait {
        case nobodyYet
        case answered([UInt8])
        case someone(CheckedContinuation<[UInt8]?, any Error>)
    }

    private let file: ConversationFile
    private let limit: Int
    /// Held so that no other service keeps a conversation in this folder.
    private let lock: OpenFile
    private let watch: FileWatch
    private let state = Mutex(State())
    /// One thread: lines are appended in the order of their numbers.
    private let writer = BlockingPool(threads: 1)
    private let follower = Mutex<Task<Void, Never>?>(nil)

    /// The file that both sides append to.
    package var path: String { file.path }

    /// Makes the conversation's file and begins to follow it.
    ///
    /// - Parameters:
    ///   - folder: Where the file is.
    ///   - resumes: Whether the numbers of an unfinished conversation go on; else its file is made anew.
    ///   - limit: The size at which the file takes no more requests.
    ///   - loop: Watches the file.
    ///   - log: Told of what cannot be read.
    /// - Throws: ``Failure``.
    init(folder: String, resumes: Bool, limit: Int, on loop: EventLoop, log: ServiceLog) async throws {
        self.limit = limit
        let file = ConversationFile(path: folder + "/" + ModelServiceConfiguration.conversationFile)
        self.file = file
        lock = try await writer.run {
            try file.makeFolder()
            var descriptor: Int32 = -1
            let result = rock_lock_folder(file.folder, 0, &descriptor)
            guard result != -EWOULDBLOCK else {
                throw Failure(.conflict, "Another model service keeps its conversation in \(file.folder).")
            }
            try SystemCallError.check(result, "flock", file.folder)
            return OpenFile(OwnedDescriptor(descriptor))
        }
        let (begun, tail) = try await writer.run { try Self.open(file, resumes: resumes) }
        watch = try FileWatch(file, on: loop)
        state.withLock { $0 = begun }
        let changes = watch.changes
        let task = Task(executorPreference: loop) { [weak self] in
            await Self.follow(changes, tail, log) { lines in
                for line in lines { self?.note(line) }
            }
        }
        follower.withLock { $0 = task }
    }

    deinit {
        watch.cancel()
        follower.withLock { $0 }?.cancel()
    }

    /// Fails whoever waits.
    func close() {
        watch.cancel()
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.wanted = [:] }
            return state.wanted.values
        }
        for case .someone(let continuation) in waiting {
            continuation.resume(throwing: Refusal(503, "The service is being stopped."))
        }
    }

    // MARK: The file

    /// The state to begin with, and from where on the file is followed.
    private static func open(_ file: ConversationFile, resumes: Bool) throws(Failure) -> (State, LineTail) {
        var state = State()
        var tail = LineTail(file.path)
        if resumes {
            try tail.read { line in
                switch ConversationLine(line) {
                case .request(let index, let text):
                    state.lastIndex = max(state.lastIndex, index)
                    state.unfinished = (index, text, nil)
                case .response(let index, let text):
                    if state.unfinished?.index == index { state.unfinished?.answer = text }
                case .end: state.hasEnded = true
                case nil: break
                }
                return true
            }
        }
        // What has ended cannot go on.
        if !resumes || state.hasEnded {
            state = State()
            tail = LineTail(file.path)
            try file.recreate()
        }
        return (state, tail)
    }

    private static func follow(
        _ changes: AsyncStream<Void>, _ tail: LineTail, _ log: ServiceLog, _ note: ([ConversationLine]) -> Void
    ) async {
        var tail = tail
        for await _ in changes {
            do {
                let before = tail
                let (after, lines) = try await BlockingPool.run {
                    var tail = before
                    var lines: [ConversationLine] = []
                    try tail.read { line in
                        // Requests are our own.
                        let kind = ConversationLine.kind(of: line)
                        if kind == .response || kind == .end, let line = ConversationLine(line) { lines.append(line) }
                        return true
                    }
                    return (tail, lines)
                }
                tail = after
                note(lines)
            } catch {
                log.error("The conversation cannot be read: \((error as? Failure)?.message ?? "\(error)")")
            }
        }
    }

    private func note(_ line: ConversationLine) {
        switch line {
        case .request: break
        case .response(let index, let text):
            // Python's side takes nothing that is empty for an answer, and waits on.
            if ["{}", "[]", "\"\"", "0", "null", "false"].contains(String(decoding: text.prefix(8), as: UTF8.self)) {
                return
            }
            let continuation = state.withLock { state -> CheckedContinuation<[UInt8]?, any Error>? in
                switch state.wanted[index] {
                case .someone(let continuation):
                    state.wanted[index] = nil
                    return continuation
                case .nobodyYet: state.wanted[index] = .answered(text)
                case .answered, nil:
                    if state.unfinished?.index == index { state.unfinished?.answer = text }
                }
                return nil
            }
            continuation?.resume(returning: text)
        case .end:
            let waiting = state.withLock { state in
                state.hasEnded = true
                let waiting = state.wanted.values
                state.wanted = state.wanted.filter { if case .answered = $0.value { true } else { false } }
                return waiting
            }
            for case .someone(let continuation) in waiting { continuation.resume(returning: nil) }
        }
    }

    // MARK: Asking

    /// Asks the training loop and waits for its answer, for as long as that takes.
    ///
    /// - Parameter request: JSON on one line.
    /// - Returns: The answer's JSON.
    /// - Throws: ``Refusal`` where the conversation has ended or too many wait; ``Failure`` where the file cannot be written;
    ///   `CancellationError`.
    func ask(_ request: JSON) async throws -> [UInt8] {
        let text = request.pythonText
        let index: Int
        switch try resume(text) {
        case .answer(let answer): return answer
        case .wait(let known): index = known
        case .new:
            index = try await writer.run { try self.append(text) }
        }
        let answer = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in wait(for: index, continuation) }
        } onCancel: {
            forget(index)
        }
        guard let answer else { throw Self.ended }
        return answer
    }

    private enum Resumption { case answer([UInt8]), wait(Int), new }

    /// Whether the request is the one that was under way when the service before this one ended: a client sends that again.
    private func resume(_ text: [UInt8]) throws -> Resumption {
        try state.withLock { state in
            guard !state.isClosed else { throw Refusal(503, "The service is being stopped.") }
            guard !state.hasEnded else { throw Self.ended }
            guard state.wanted.count < Self.waitingLimit else {
                throw Refusal(429, "\(Self.waitingLimit) requests wait for an answer already.")
            }
            guard let unfinished = state.unfinished.take(), unfinished.text == text else { return .new }
            if let answer = unfinished.answer { return .answer(answer) }
            state.wanted[unfinished.index] = .nobodyYet
            return .wait(unfinished.index)
        }
    }

    private func append(_ text: [UInt8]) throws(Failure) -> Int {
        // Wanted before the line is there: an answer may follow at once.
        let index = state.withLock { state in
            state.lastIndex += 1
            state.wanted[state.lastIndex] = .nobodyYet
            return state.lastIndex
        }
        do throws(Failure) {
            let line = ConversationLine.request(text, index: index, milliseconds: ConversationFile.now)
            try file.append(line, limit: limit)
        } catch {
            state.withLock { state in
                state.wanted[index] = nil
                // Nothing of it is in the file, so the next one takes its number.
                if state.lastIndex == index { state.lastIndex -= 1 }
            }
            throw error
        }
        return index
    }

    private func wait(for index: Int, _ continuation: CheckedContinuation<[UInt8]?, any Error>) {
        let result = state.withLock { state -> Result<[UInt8]?, any Error>? in
            switch state.wanted[index] {
            case .answered(let answer):
                state.wanted[index] = nil
                return .success(answer)
            case .nobodyYet where state.hasEnded:
                state.wanted[index] = nil
                return .success(nil)
            case .nobodyYet:
                state.wanted[index] = .someone(continuation)
                return nil
            // Cancelled before it began to wait, or the conversation has ended.
            case .someone, nil: return state.hasEnded ? .success(nil) : .failure(CancellationError())
            }
        }
        if let result { continuation.resume(with: result) }
    }

    private func forget(_ index: Int) {
        let waiting = state.withLock { $0.wanted.removeValue(forKey: index) }
        if case .someone(let continuation) = waiting { continuation.resume(throwing: CancellationError()) }
    }

    /// What an agent is told after the end.
    private static let ended = Refusal(.internalServerError, "No response received from Roll process")

    /// Tells the training loop that nothing more comes.
    ///
    /// - Throws: ``Failure``.
    package func end() async throws {
        let file = file
        try await writer.run { try file.append(ConversationLine.endText + [0x0A]) }
    }

    /// How many requests have been asked, and how many of them wait for an answer.
    package var counts: (asked: Int, waiting: Int) { state.withLock { ($0.lastIndex, $0.wanted.count) } }
}
