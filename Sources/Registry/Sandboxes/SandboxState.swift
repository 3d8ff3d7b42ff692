/// Where a sandbox is in its life. The raw values are the wire's; no client may ever see another.
package enum SandboxState: String, CaseIterable, Sendable {
    case pending, running, stopped, archiving, archived, deleted

    /// Whether the sandbox exists on a host, or is about to.
    package var isLive: Bool { self == .pending || self == .running }
}

/// What moves a sandbox from one state to another. The raw values stand in its history.
package enum SandboxEvent: String, CaseIterable, Sendable {
    case create
    /// The agent inside answered for the first time.
    case alive
    case stop
    /// The idle limit passed.
    case autoClear = "auto_clear"
    /// The start went wrong for good.
    case startFailed = "start_failed"
    /// It was found dead, or its host is gone.
    case lost
    case restart
    case archive
    case autoArchive = "auto_archive"
    case archiveDone = "archive_done"
    case archiveFailed = "archive_failed"
    case delete
    case autoDelete = "auto_delete"
}

extension SandboxState {
    /// Every legal move; nothing else ever happens to a sandbox.
    static let moves: [(from: [SandboxState?], events: [SandboxEvent], to: SandboxState)] = [
        ([nil], [.create], .pending),
        ([.pending], [.alive], .running),
        ([.pending], [.startFailed], .stopped),
        ([.pending, .running], [.stop, .autoClear, .lost], .stopped),
        ([.stopped, .archived], [.restart], .pending),
        ([.stopped], [.archive, .autoArchive], .archiving),
        ([.archiving], [.archiveDone], .archived),
        ([.archiving], [.archiveFailed], .stopped),
        ([.stopped, .archived], [.delete, .autoDelete], .deleted),
    ]

    /// `moves` by place: a move is looked up at every change.
    private static let targets: [SandboxState?] = {
        var targets = [SandboxState?](repeating: nil, count: (allCases.count + 1) * SandboxEvent.allCases.count)
        for move in moves {
            for state in move.from { for event in move.events { targets[place(state, event)] = move.to } }
        }
        return targets
    }()

    private static func place(_ state: SandboxState?, _ event: SandboxEvent) -> Int {
        (state?.ordinal ?? allCases.count) * SandboxEvent.allCases.count + event.ordinal
    }

    /// The state that `event` leads to; `nil` where the move is illegal. `nil` as `state` is a sandbox yet to be created.
    package static func target(of event: SandboxEvent, from state: SandboxState?) -> SandboxState? {
        targets[place(state, event)]
    }

    /// Its place in the list of states.
    var ordinal: Int {
        switch self {
        case .pending: 0
        case .running: 1
        case .stopped: 2
        case .archiving: 3
        case .archived: 4
        case .deleted: 5
        }
    }
}

extension SandboxEvent {
    /// Its place in the list of events.
    fileprivate var ordinal: Int {
        switch self {
        case .create: 0
        case .alive: 1
        case .stop: 2
        case .autoClear: 3
        case .startFailed: 4
        case .lost: 5
        case .restart: 6
        case .archive: 7
        case .autoArchive: 8
        case .archiveDone: 9
        case .archiveFailed: 10
        case .delete: 11
        case .autoDelete: 12
        }
    }
}

/// One move of a sandbox, as its history keeps it.
package struct SandboxTransition: Equatable, Sendable {
    /// `nil` for the first.
    package let from: SandboxState?
    package let to: SandboxState
    package let event: SandboxEvent
    package let time: Timestamp
}
