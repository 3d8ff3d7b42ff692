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
            guard received.last == 0x0A else {
                // No line feed at the end: if there is one before it, more than one line came.
                if received.contains(0x0A) { return .fault(fault("sent more than it was asked for")) }
                state.input.append(contentsOf: received)
                guard state.input.count < limits.replyBytes else {
                    return .fault(fault("answered with more than \(limits.replyBytes) bytes"))
                }
                return .more
            }
            var line = state.input
            state.input = []
            line.append(contentsOf: received)
            return reply(to: call, line)
        }
    }

    /// Reads `{"id":N,"result":…}` or `{"id":N,"error":…}` and a line feed.
    private func reply(to call: Call, _ line: [UInt8]) -> Received {
        let head = Array("{\"id\":\(call.number),\"".utf8)
        let rest = line.dropFirst(head.count)
        guard line.starts(with: head), line.count >= 2, line[line.count - 2] == 0x7D, line[line.count - 1] == 0x0A
        else {
            return .fault(fault("answered something else than it was asked"))
        }
        let (result, error) = ("result\":", "error\":")
        let isResult = rest.starts(with: result.utf8)
        guard isResult || rest.starts(with: error.utf8) else { return .fault(fault("answered without a result")) }
        let value = rest.dropFirst((isResult ? result : error).utf8.count).dropLast(2)
        do {
            // Also refuses a second line inside: a line feed is no part of a JSON value without blanks around it.
            let range = try JSONScanner.validate(value.span)
            guard range.count == value.count, !value.contains(0x0A) else { return .fault(fault("answered bad JSON")) }
        } catch {
            return .fault(fault("answered bad JSON"))
        }
        return .reply(isResult ? .result(value) : .error(value))
    }

    private func fault(_ deed: String) -> Failure {
        Failure(
            .infraFailed, "The process inside sandbox \(id) \(deed) and was ended. Reset or make a new environment.")
    }
}
