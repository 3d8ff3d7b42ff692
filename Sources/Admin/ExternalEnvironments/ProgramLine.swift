import GEM
import Glibc
import SandboxHost
import Transport

/// The lines that go to a program and come from it. One exchange at a time; its caller sees to that.
///
/// What a program says is hostile until proven otherwise: a line's length is limited, and nobody waits for a program longer
/// than a call may take, neither for its answer nor for its taking a request.
final class ProgramLine: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only, where every method hops to.

    /// Requests beyond this many bytes are sent while answers are read already, lest both sides wait for room.
    private static let sentAtOnce = 32 << 10

    private let loop: EventLoop
    private let socket: StreamSocket
    private let lineBytes: Int
    private var input: [UInt8] = []
    /// How many bytes at the front of `input` have been taken, and up to where no line feed is.
    private var (start, searched) = (0, 0)
    private var lastNumber = 0

    /// Takes over a non-blocking stream socket.
    ///
    /// - Throws: ``Failure`` where it cannot be watched.
    static func open(_ file: OpenFile, lineBytes: Int, on loop: EventLoop) async throws(Failure) -> ProgramLine {
        do {
            return try await loop.hop {
                // A number of its own: the socket closes it when it is done.
                let own = fcntl(file.rawValue, F_DUPFD_CLOEXEC, 0)
                guard own >= 0 else { throw SystemCallError("fcntl", errno: errno) }
                let socket = StreamSocket(OwnedDescriptor(own), on: loop)
                try socket.watch()
                return ProgramLine(socket, lineBytes: lineBytes, on: loop)
            }
        } catch {
            throw Failure(.infraFailed, "The program's socket cannot be used: \(error).")
        }
    }

    private init(_ socket: StreamSocket, lineBytes: Int, on loop: EventLoop) {
        (self.socket, self.lineBytes, self.loop) = (socket, lineBytes, loop)
    }

    deinit { loop.execute { [socket] in socket.close() } }

    /// Closes the socket; an exchange under way fails.
    func close() { loop.execute { [socket] in socket.close() } }

    /// Sends `orders` and waits for an answer to each, in whatever order they come.
    ///
    /// - Parameters:
    ///   - orders: What to ask.
    ///   - limit: How long all of it may take.
    /// - Returns: The answers in the order of `orders`.
    /// - Throws: ``ProgramFault``; the line is of no use then.
    func exchange(_ orders: [ProgramOrder], limit: Duration) async throws(ProgramFault) -> [ProgramAnswer] {
        do {
            if loop.isCurrent { return try await exchangeHere(orders, limit) }
            return try await loop.hop { try await self.exchangeHere(orders, limit) }
        } catch let fault as ProgramFault {
            throw fault
        } catch ConnectionError.timedOut {
            throw .timedOut(limit)
        } catch {
            throw .broken("\(error)")
        }
    }

    private func exchangeHere(_ orders: [ProgramOrder], _ limit: Duration) async throws -> [ProgramAnswer] {
        let deadline = ContinuousClock.now + limit
        let first = lastNumber + 1
        var lines: [UInt8] = []
        for order in orders {
            lastNumber += 1
            order.append(id: lastNumber, to: &lines)
        }
        let numbers = first..<(first + orders.count)
        if lines.count <= Self.sentAtOnce {
            try await send(lines, deadline)
            return try await answers(to: numbers, deadline)
        }
        let all = lines
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.send(all, deadline) }
            do {
                let answers = try await answers(to: numbers, deadline)
                try await group.waitForAll()
                return answers
            } catch {
                // Who waits for room to send the rest need not.
                socket.close()
                throw error
            }
        }
    }

    private func send(_ lines: [UInt8], _ deadline: ContinuousClock.Instant) async throws {
        do {
            try await socket.sendAll(lines, patience: .zero, until: deadline)
        } catch ConnectionError.failed(let reason) where reason.errno == EPIPE || reason.errno == ECONNRESET {
            // It has ended; what it said before that is still to be read, and says more.
        }
    }

    private func answers(to numbers: Range<Int>, _ deadline: ContinuousClock.Instant) async throws -> [ProgramAnswer] {
        var answers = [ProgramAnswer?](repeating: nil, count: numbers.count)
        for _ in numbers {
            let answer = try ProgramAnswer(try await nextLine(deadline))
            guard numbers.contains(answer.number), answers[answer.number - numbers.lowerBound] == nil else {
                throw ProgramFault.wrongID("\(answer.number)")
            }
            answers[answer.number - numbers.lowerBound] = answer
        }
        return answers.compactMap(\.self)
    }

    private func nextLine(_ deadline: ContinuousClock.Instant) async throws -> [UInt8] {
        while true {
            if let line = try takeLine() { return line }
            if let count = try receive() {
                guard count > 0 else {
                    throw input.count > start ? ProgramFault.partialLine(bytes: input.count - start) : .exited
                }
                append(UnsafeRawBufferPointer(rebasing: loop.scratch[..<count]))
                continue
            }
            // One that never stops writing without a line feed must not outrun its time either.
            guard ContinuousClock.now < deadline else { throw ConnectionError.timedOut }
            try await socket.waitUntilReadable(until: deadline)
        }
    }

    /// As `StreamSocket` does, save that an end with requests unread is an end.
    private func receive() throws(ConnectionError) -> Int? {
        do throws(ConnectionError) {
            return try socket.receive(into: loop.scratch)
        } catch {
            if case .failed(let reason) = error, reason.errno == ECONNRESET { return 0 }
            throw error
        }
    }

    private func append(_ bytes: UnsafeRawBufferPointer) {
        if start == input.count {
            // A buffer that one large answer has needed is given back.
            input.removeAll(keepingCapacity: input.capacity <= 256 << 10)
            (start, searched) = (0, 0)
        } else if start > input.count / 2 {
            input.removeFirst(start)
            (start, searched) = (0, searched - start)
        }
        input.append(contentsOf: bytes)
    }

    private func takeLine() throws(ProgramFault) -> [UInt8]? {
        let end = input.withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress, bytes.count > searched,
                let found = memchr(base + searched, 0x0A, bytes.count - searched)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
        guard (end ?? input.count) - start <= lineBytes else { throw .lineTooLong(limit: lineBytes) }
        guard let end else {
            searched = input.count
            return nil
        }
        defer { (start, searched) = (end + 1, end + 1) }
        return Array(input[start..<end])
    }
}
