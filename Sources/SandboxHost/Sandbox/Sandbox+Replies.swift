import CLinux
import GEM
import Glibc
import Synchronization
package import Transport

/// Replies on their way out. What comes from inside is a stranger's: nothing of it is believed before it was checked.
extension Sandbox: ReadinessHandler {
    package func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        var finished: (Call, Reply)?
        var fault: Failure?
        var isBroken = false
        state.withLock { state in
            guard case .running = state.phase else { return }
            if readiness.contains(.writable), !sendRest(&state) {
                isBroken = true
                return
            }
            switch receive(&state) {
            case .more: break
            case .end: isBroken = true
            case .fault(let failure): fault = failure
            case .reply(let reply):
                guard let call = state.calls.popFirst() else { return }
                finished = (call, reply)
                isBroken = !sendFirst(&state)
            }
            if !isBroken, fault == nil { watchForRoom(&state) }
        }
        // Resumed last and outside the lock: the caller may go on at once.
        if let (call, reply) = finished { call.continuation.resume(returning: .success(reply)) }
        if let fault { fail(fault) } else if isBroken { lose() }
    }

    private enum Received {
        case more, end
        case reply(Reply)
        case fault(Failure)
    }

    /// Takes what has arrived, up to one reply.
    private func receive(_ state: inout State) -> Received {
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { room in
            let count = rock_receive(jail.connection, room.baseAddress, room.count)
            if count == -Int(EAGAIN) { return .more }
            guard count > 0 else { return .end }
            let received = UnsafeRawBufferPointer(rebasing: room[..<count])
            guard let call = state.calls.first else { return .fault(fault("sent something without being asked")) }
            state.input.append(contentsOf: received)
            if received.last == 0x0A {
                var line: [UInt8] = []
                swap(&line, &state.input)
                return reply(to: call, line)
            }
            guard state.input.count < limits.replyBytes else {
                return .fault(fault("answered with more than \(limits.replyBytes) bytes"))
            }
            return .more
        }
    }

    /// Reads `{"id":N,"result":…}` or `{"id":N,"error":…}` and a line feed.
    private func reply(to call: Call, _ line: [UInt8]) -> Received {
        var start = 0
        guard Self.skip("{\"id\":", in: line, &start), Self.skip(call.number, in: line, &start),
            Self.skip(",\"", in: line, &start)
        else { return .fault(fault("answered something else than it was asked")) }
        let isResult = Self.skip("result\":", in: line, &start)
        guard isResult || Self.skip("error\":", in: line, &start) else {
            return .fault(fault("answered without a result"))
        }
        let end = line.count - 2
        guard start < end, line[end] == 0x7D else { return .fault(fault("answered bad JSON")) }
        let value = line[start..<end]
        do {
            let range = try JSONScanner.validate(value.span)
            // A line feed between tokens is JSON, but it would end the line that carries it on.
            let hasLineFeed = value.withUnsafeBytes { bytes in
                bytes.baseAddress.map { memchr($0, 0x0A, bytes.count) != nil } ?? false
            }
            guard range.count == value.count, !hasLineFeed else { return .fault(fault("answered bad JSON")) }
        } catch {
            return .fault(fault("answered bad JSON"))
        }
        return .reply(isResult ? .result(value) : .error(value))
    }

    /// Walks past `literal` if it is next.
    private static func skip(_ literal: StaticString, in line: [UInt8], _ offset: inout Int) -> Bool {
        let count = literal.utf8CodeUnitCount
        let isNext = line.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, bytes.count - offset >= count else { return false }
            return memcmp(base + offset, literal.utf8Start, count) == 0
        }
        if isNext { offset += count }
        return isNext
    }

    /// Walks past `number` if it is next, written without leading zeros.
    private static func skip(_ number: UInt64, in line: [UInt8], _ offset: inout Int) -> Bool {
        var place: UInt64 = 1
        while number / place >= 10 { place *= 10 }
        while place > 0 {
            guard offset < line.count, UInt64(line[offset]) == 0x30 + number / place % 10 else { return false }
            offset += 1
            place /= 10
        }
        return true
    }

    private func fault(_ deed: String) -> Failure {
        Failure(
            .infraFailed, "The process inside sandbox \(id) \(deed) and was ended. Reset or make a new environment.")
    }
}
