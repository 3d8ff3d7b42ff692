import Testing

@testable import Registry

@Suite struct SandboxStateTests {
    @Test func theseMovesAreLegalAndNoOthers() {
        var moves: Set<String> = []
        for from in [nil] + SandboxState.allCases.map(Optional.some) {
            for event in SandboxEvent.allCases {
                guard let to = SandboxState.target(of: event, from: from) else { continue }
                moves.insert("\(from?.rawValue ?? "-") \(event.rawValue) \(to.rawValue)")
            }
        }
        #expect(
            moves == [
                "- create pending",
                "pending alive running", "pending start_failed stopped", "pending stop stopped",
                "pending auto_clear stopped", "pending lost stopped",
                "running stop stopped", "running auto_clear stopped", "running lost stopped",
                "stopped restart pending", "stopped archive archiving", "stopped auto_archive archiving",
                "stopped delete deleted", "stopped auto_delete deleted",
                "archiving archive_done archived", "archiving archive_failed stopped",
                "archived restart pending", "archived delete deleted", "archived auto_delete deleted",
            ])
    }

    @Test func placesAreTheListsOwn() {
        #expect(SandboxState.allCases.map(\.ordinal) == Array(SandboxState.allCases.indices))
        for move in SandboxState.moves {
            for from in move.from {
                #expect(move.events.allSatisfy { SandboxState.target(of: $0, from: from) == move.to })
            }
        }
    }

    private func record(
        _ events: [(SandboxEvent, Int64)], _ change: (inout SandboxRequest) -> Void = { _ in }
    ) throws -> SandboxRecord {
        var request = SandboxRequest(id: "box")
        request.autoClearSeconds = 60
        change(&request)
        var record = SandboxRecord(request, serial: 1, createTime: Timestamp(seconds: 0))
        for (event, second) in events { try record.apply(event, at: Timestamp(seconds: second), reason: "r\(second)") }
        return record
    }

    /// A life, and what its times and timers are afterwards, in seconds: start, stop, archive, delete, next timer.
    struct Life: Sendable, CustomTestStringConvertible {
        let events: [(SandboxEvent, Int64)]
        var autoArchive: Int32?
        var autoDelete: Int32?
        let times: [Int64?]
        let deadline: (SandboxEvent, Int64)?
        var testDescription: String { events.map(\.0.rawValue).joined(separator: " ") }
    }

    static let lives = [
        Life(events: [(.create, 0)], times: [nil, nil, nil, nil], deadline: (.autoClear, 60)),
        Life(events: [(.create, 0), (.alive, 5)], times: [5, nil, nil, nil], deadline: (.autoClear, 60)),
        Life(events: [(.create, 0), (.alive, 5), (.stop, 9)], times: [5, 9, nil, nil], deadline: nil),
        // Never alive: there is nothing to bill, so there is no stop time.
        Life(events: [(.create, 0), (.startFailed, 9)], times: [nil, nil, nil, nil], deadline: nil),
        Life(
            events: [(.create, 0), (.alive, 5), (.autoClear, 65)], autoArchive: 10, autoDelete: 20,
            times: [5, 65, nil, nil], deadline: (.autoArchive, 75)),
        Life(
            events: [(.create, 0), (.alive, 5), (.stop, 65), (.autoArchive, 75), (.archiveDone, 80)], autoArchive: 10,
            autoDelete: 20, times: [5, 65, 80, nil], deadline: (.autoDelete, 85)),
        // A failed archive is not tried again by itself.
        Life(
            events: [(.create, 0), (.alive, 5), (.stop, 65), (.autoArchive, 75), (.archiveFailed, 80)], autoArchive: 10,
            times: [5, 65, nil, nil], deadline: nil),
        Life(
            events: [(.create, 0), (.alive, 5), (.stop, 9), (.restart, 20)], autoDelete: 20,
            times: [nil, nil, nil, nil], deadline: (.autoClear, 80)),
        Life(
            events: [(.create, 0), (.alive, 5), (.stop, 9), (.restart, 20), (.alive, 22)], times: [22, nil, nil, nil],
            deadline: (.autoClear, 80)),
        Life(
            events: [(.create, 0), (.alive, 5), (.lost, 9), (.delete, 11)], autoDelete: 20, times: [5, 9, nil, 11],
            deadline: nil),
    ]

    @Test(arguments: lives)
    func timesFollowTheMoves(life: Life) throws {
        let record = try record(life.events) {
            $0.autoArchiveSeconds = life.autoArchive
            $0.autoDeleteSeconds = life.autoDelete
        }
        let times = [record.startTime, record.stopTime, record.archiveTime, record.deleteTime]
        #expect(times == life.times.map { $0.map(Timestamp.init(seconds:)) })
        #expect(record.deadline == life.deadline.map { Timestamp(seconds: $0.1) })
        #expect(record.deadlineEvent == life.deadline?.0)
        #expect(record.history.map(\.event) == life.events.map(\.0) && record.history.last?.to == record.state)
    }

    @Test func aRestartShowsNothingOfTheEarlierRun() throws {
        var record = try record([(.create, 0)])
        record.phases = [SandboxPhase(SandboxPhase.dockerRun, .failed, message: "no such image")]
        record.ports = [PortMapping(inside: 22, host: 2222)]
        try record.apply(.startFailed, at: Timestamp(seconds: 1), reason: "no such image")
        #expect(record.reason == "no such image" && record.ports.isEmpty)
        try record.apply(.restart, at: Timestamp(seconds: 2))
        #expect(record.reason == nil && record.phases == SandboxPhase.initial)
    }

    @Test func anIllegalMoveNamesWhatIsPossibleAndChangesNothing() throws {
        var record = try record([(.create, 0), (.stop, 1)])
        let before = record
        let error = #expect(throws: RegistryError.self) { try record.apply(.alive, at: Timestamp(seconds: 2)) }
        #expect(error?.code == .illegalMove && record == before)
        #expect(
            error?.message == "sandbox box is stopped, which does not allow alive; "
                + "possible: restart, archive, auto_archive, delete, auto_delete")
    }

    @Test func memoryKeepsTheLatestMovesOnly() throws {
        var events: [(SandboxEvent, Int64)] = [(.create, 0)]
        for turn in 0..<100 { events += [(.stop, Int64(turn)), (.restart, Int64(turn))] }
        let record = try record(events)
        #expect(record.moveCount == 201 && record.history.count == SandboxRecord.historyLimit)
        #expect(record.history.last?.event == .restart)
    }
}
