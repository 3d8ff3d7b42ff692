import CLinux
package import GEM
import Glibc
import Synchronization
import Transport

/// Calls on their way in.
extension Sandbox {
    /// Calls `method` inside and waits for the reply. Calls are answered in the order they are made.
    ///
    /// Cancelling the task does not take the call back: the environment may have acted on it already.
    ///
    /// - Parameters:
    ///   - method: A method of the service inside, such as `step`.
    ///   - params: One JSON value without a line feed.
    ///   - limit: How long the sandbox may work on it, from the moment the calls before it have been answered. Going
    ///     beyond it ends the sandbox.
    /// - Returns: What the service inside answered, a refusal included.
    /// - Throws: ``Failure``: `timeout`; `envFailed` or `infraFailed` where the sandbox ended, then and for every later
    ///   call; `sandboxClosed`; `overloaded` where too many calls wait already.
    package func call(_ method: StaticString, params: [UInt8], limit: Duration) async throws(Failure) -> Reply {
        let result: Result<Reply, Failure> = await withCheckedContinuation { continuation in
            submit(method, params, limit, continuation)
        }
        return try result.get()
    }

    private func submit(
        _ method: StaticString, _ params: [UInt8], _ limit: Duration,
        _ continuation: CheckedContinuation<Result<Reply, Failure>, Never>
    ) {
        enum Next {
            case wait, watchForRoom
            case watch(EventLoop)
            case lose
            case refuse(Failure)
        }
        let current = EventLoop.current
        let next: Next = state.withLock { state in
            switch state.phase {
            case .running, .ending: break
            case .failed(let failure): return .refuse(failure)
            case .closed: return .refuse(Self.closed(id))
            }
            guard state.calls.count < limits.calls else {
                return .refuse(
                    Failure(.overloaded, "\(limits.calls) calls wait for sandbox \(id) already. Wait for one of them."))
            }
            state.lastCall += 1
            let line = Self.line(state.lastCall, method, params)
            let isFirst = state.calls.count == 0
            state.calls.append(Call(number: state.lastCall, line: line, limit: limit, continuation: continuation))
            guard isFirst, case .running = state.phase else { return .wait }
            guard sendFirst(&state) else { return .lose }
            if let loop = chooseLoop(current, &state) { return .watch(loop) }
            return state.unsent.isEmpty ? .wait : .watchForRoom
        }
        switch next {
        case .wait: break
        case .watchForRoom: watchForRoom()
        case .watch(let loop): watch(on: loop)
        case .lose: lose()
        case .refuse(let failure): continuation.resume(returning: .failure(failure))
        }
    }

    private static func line(_ number: UInt64, _ method: StaticString, _ params: [UInt8]) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(params.count + 64)
        line.append(contentsOf: "{\"id\":".utf8)
        line.append(contentsOf: String(number).utf8)
        line.append(contentsOf: ",\"method\":\"".utf8)
        line.append(contentsOf: UnsafeBufferPointer(start: method.utf8Start, count: method.utf8CodeUnitCount))
        line.append(contentsOf: "\",\"params\":".utf8)
        line.append(contentsOf: params)
        line.append(contentsOf: "}\n".utf8)
        return line
    }

    // MARK: - Sending

    /// Sends the first call and starts its time. Returns whether the connection still works.
    func sendFirst(_ state: inout State) -> Bool {
        guard let call = state.calls.first else { return true }
        if state.loop.isCurrent, let processor = state.footsteps?.next() { jail.keep(to: processor) }
        state.unsent = call.line[...]
        state.deadline = ContinuousClock.now + call.limit
        arm(&state)
        return sendRest(&state)
    }

    /// Sends what is left of the first call, as far as there is room. Returns whether the connection still works.
    func sendRest(_ state: inout State) -> Bool {
        while !state.unsent.isEmpty {
            let sent = state.unsent.withUnsafeBytes { rock_send(jail.connection, $0.baseAddress, $0.count) }
            if sent == -Int(EAGAIN) { return true }
            guard sent >= 0 else { return false }
            state.unsent = state.unsent.dropFirst(sent)
        }
        state.unsent = []
        return true
    }

    // MARK: - Time

    /// Sees to it that somebody looks at the deadline. One timer serves any number of calls: it looks up the deadline
    /// that holds when it fires and sets itself again, so a call costs no timer.
    private func arm(_ state: inout State) {
        if let timer = state.timer {
            if timer.due <= state.deadline { return }
            timer.handle.cancel()
        }
        let due = state.deadline
        state.timer = (state.loop.schedule(at: due) { [weak self] in self?.lookAtDeadline() }, due)
    }

    private func lookAtDeadline() {
        let late: Call? = state.withLock { state in
            state.timer = nil
            guard let call = state.calls.first else { return nil }
            if state.deadline <= .now { return call }
            arm(&state)
            return nil
        }
        guard let late else { return }
        fail(
            Failure(
                .timeout,
                "The sandbox did not answer within \(late.limit) and was ended. Reset or make a new environment."))
    }
}
