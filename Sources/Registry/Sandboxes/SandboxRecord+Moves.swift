extension SandboxRecord {
    /// Makes one move, with everything that goes with it: times, timers, phases.
    ///
    /// - Parameters:
    ///   - event: What happened.
    ///   - time: When; a clock that went back is taken as it is.
    ///   - reason: Why, for people; kept while the sandbox is stopped.
    /// - Returns: The move.
    /// - Throws: ``RegistryError`` with code `illegalMove`, naming the state and what it allows; nothing has changed then.
    @discardableResult
    mutating func apply(
        _ event: SandboxEvent, at time: Timestamp, reason: String? = nil
    ) throws(RegistryError) -> SandboxTransition {
        let from = moveCount == 0 ? nil : state
        guard let to = SandboxState.target(of: event, from: from) else {
            let possible = SandboxEvent.allCases.filter { SandboxState.target(of: $0, from: from) != nil }
            throw RegistryError(
                .illegalMove,
                "sandbox \(id) is \(from?.rawValue ?? "not created"), which does not allow \(event.rawValue)"
                    + (possible.isEmpty ? "" : "; possible: \(possible.map(\.rawValue).joined(separator: ", "))"))
        }
        let transition = SandboxTransition(from: from, to: to, event: event, time: time)
        state = to
        history.append(transition)
        if history.count > Self.historyLimit { history.removeFirst() }
        moveCount += 1
        switch to {
        case .pending: begin(at: time)
        case .running: if startTime == nil { startTime = time }
        case .stopped: end(at: time, reason: reason, after: event)
        case .archiving: autoArchiveTime = nil
        case .archived: archiveTime = time
        case .deleted:
            deleteTime = time
            (autoArchiveTime, autoDeleteTime) = (nil, nil)
        }
        return transition
    }

    /// A first start or a restart: nothing of an earlier run may show.
    private mutating func begin(at time: Timestamp) {
        phases = SandboxPhase.initial
        ports = []
        reason = nil
        (startTime, stopTime, archiveTime) = (nil, nil, nil)
        (autoArchiveTime, autoDeleteTime) = (nil, nil)
        autoStopTime = autoClearSeconds.map { time.advanced(bySeconds: Int64($0)) }
    }

    private mutating func end(at time: Timestamp, reason: String?, after event: SandboxEvent) {
        // Back from a failed archive: it stopped long ago, and is not archived again by itself.
        guard event != .archiveFailed else { return }
        if startTime != nil { stopTime = time }
        self.reason = reason
        ports = []
        autoStopTime = nil
        autoArchiveTime = autoArchiveSeconds.map { time.advanced(bySeconds: Int64($0)) }
        autoDeleteTime = autoDeleteSeconds.map { time.advanced(bySeconds: Int64($0)) }
    }

    /// The next moment at which a timer does something to this sandbox; `nil` where none runs.
    package var deadline: Timestamp? {
        switch state {
        case .pending, .running: autoStopTime
        case .stopped: [autoArchiveTime, autoDeleteTime].compactMap(\.self).min()
        case .archived: autoDeleteTime
        case .archiving, .deleted: nil
        }
    }

    /// What the timer that ends at ``deadline`` does.
    package var deadlineEvent: SandboxEvent? {
        switch state {
        case .pending, .running: autoStopTime == nil ? nil : .autoClear
        case .stopped: deadline == nil ? nil : deadline == autoDeleteTime ? .autoDelete : .autoArchive
        case .archived: autoDeleteTime == nil ? nil : .autoDelete
        case .archiving, .deleted: nil
        }
    }
}
