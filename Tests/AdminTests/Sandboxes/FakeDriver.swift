import GEM
import SandboxHost
import Synchronization

/// What really runs on a pretended machine: outlives servers and drivers, as sandboxes do.
final class FakeMachineRoom: Sendable {
    struct Guest: Sendable {
        let specification: SandboxSpecification
        let end = Signal<SandboxEnd>()
        var isRunning = true
    }

    private let guests = Mutex<[SandboxID: Guest]>([:])

    /// Everything there is: which run, and which only have files left.
    var running: Set<String> { guests.withLock { Set($0.filter(\.value.isRunning).map(\.key.rawValue)) } }
    var stopped: Set<String> { guests.withLock { Set($0.filter { !$0.value.isRunning }.map(\.key.rawValue)) } }
    var all: [SandboxID: Guest] { guests.withLock { $0 } }

    func start(_ specification: SandboxSpecification) -> Guest {
        let guest = Guest(specification: specification)
        guests.withLock { $0[specification.id] = guest }
        return guest
    }

    /// Ends a sandbox as its own fault would.
    func end(_ id: String, _ end: SandboxEnd = SandboxEnd(exitCode: 1, reason: "It exited.")) {
        let signal = guests.withLock { guests -> Signal<SandboxEnd>? in
            guard let id = SandboxID(rawValue: id), guests[id]?.isRunning == true else { return nil }
            guests[id]?.isRunning = false
            return guests[id]?.end
        }
        signal?.send(end)
    }

    func remove(_ id: SandboxID) {
        end(id.rawValue, SandboxEnd(reason: "It was removed."))
        guests.withLock { $0[id] = nil }
    }
}

/// Something that happens once, for any number of waiters.
final class Signal<Value: Sendable>: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Value, Never>])
        case sent(Value)
    }
    private let state = Mutex(State.waiting([]))

    func send(_ value: Value) {
        let waiters: [CheckedContinuation<Value, Never>] = state.withLock { state in
            guard case .waiting(let waiters) = state else { return [] }
            state = .sent(value)
            return waiters
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }

    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let known: Value? = state.withLock { state in
                    switch state {
                    case .sent(let value): return value
                    case .waiting(let waiters):
                        state = .waiting(waiters + [continuation])
                        return nil
                    }
                }
                if let known { continuation.resume(returning: known) }
            }
        }
    }
}

/// A driver whose faults tests choose. It notes every call, and whether two for one sandbox overlapped.
final class FakeDriver: SandboxDriver {
    struct Faults: Sendable {
        var start: Failure?
        var stop: Failure?
        var remove: Failure?
        var adopt: Failure?
        /// What adopted sandboxes lack.
        var losses: [String] = []
        /// Ends a sandbox before its start has been answered for.
        var diesAtOnce = false
        /// Images that have to be fetched.
        var absent: Set<String> = []
    }

    private struct State {
        var faults = Faults()
        var calls: [String] = []
        var busy: Set<SandboxID> = []
        var overlaps: [String] = []
        /// Starts wait for it; `nil` lets them pass.
        var gate: Signal<Void>?
        /// Fetches wait for it.
        var fetches: Signal<Void>?
        var arrivals: [(count: Int, signal: Signal<Void>)] = []
        var starts = 0
    }

    let name: String
    let room: FakeMachineRoom
    private let state = Mutex(State())

    init(_ room: FakeMachineRoom, name: String = "fake") {
        self.room = room
        self.name = name
    }

    var calls: [String] { state.withLock(\.calls) }
    var overlaps: [String] { state.withLock(\.overlaps) }

    func set(_ change: @Sendable (inout Faults) -> Void) { state.withLock { change(&$0.faults) } }

    /// Holds every start from now on.
    func hold() { state.withLock { $0.gate = Signal() } }

    /// Holds every fetch of an image until the signal is sent.
    func holdFetches() -> Signal<Void> {
        let signal = Signal<Void>()
        state.withLock { $0.fetches = signal }
        return signal
    }

    /// Lets what is held go on.
    func release() {
        let gate = state.withLock { state in
            defer { state.gate = nil }
            return state.gate
        }
        gate?.send(())
    }

    /// Waits until `count` starts have reached the driver.
    func arrived(_ count: Int) async {
        let signal: Signal<Void>? = state.withLock { state in
            guard state.starts < count else { return nil }
            let signal = Signal<Void>()
            state.arrivals.append((count, signal))
            return signal
        }
        await signal?.value
    }

    private func begin(_ call: String, _ id: SandboxID) {
        state.withLock { state in
            state.calls.append("\(call) \(id)")
            if !state.busy.insert(id).inserted { state.overlaps.append("\(call) \(id)") }
        }
    }

    private func end(_ id: SandboxID) { state.withLock { _ = $0.busy.remove(id) } }

    private func arrive() async {
        let (gate, reached) = state.withLock { state -> (Signal<Void>?, [Signal<Void>]) in
            state.starts += 1
            let reached = state.arrivals.filter { $0.count <= state.starts }.map(\.signal)
            state.arrivals.removeAll { $0.count <= state.starts }
            return (state.gate, reached)
        }
        for signal in reached { signal.send(()) }
        await gate?.value
    }

    private func running(_ guest: FakeMachineRoom.Guest, losses: [String] = []) -> RunningSandbox {
        RunningSandbox(
            id: guest.specification.id, driver: name, agent: AgentAddress(folder: "/nowhere"),
            isolation: Array("{\"complete\":true,\"walls\":{},\"missing\":[]}".utf8), process: 42,
            ports: [22555: 30_000, 8080: 30_001], imageDigest: "sha256:0", losses: losses,
            ended: { await guest.end.value })
    }

    func examine() async -> DriverReport { DriverReport(driver: name, isUsable: true, findings: []) }

    func start(
        _ specification: SandboxSpecification, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        begin("start", specification.id)
        defer { end(specification.id) }
        report(.pullingImage(message: ""))
        await arrive()
        if let failure = state.withLock(\.faults.start) { throw failure }
        if specification.pull == .never, state.withLock({ $0.faults.absent.contains(specification.image) }) {
            throw Failure(.notFound, "\(specification.image) is not here.")
        }
        report(.imageReady(message: ""))
        report(.launching)
        let guest = room.start(specification)
        if state.withLock(\.faults.diesAtOnce) { room.end(specification.id.rawValue) }
        return running(guest)
    }

    func restart(
        _ specification: SandboxSpecification, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        begin("restart", specification.id)
        defer { end(specification.id) }
        await arrive()
        guard room.stopped.contains(specification.id.rawValue) else {
            throw Failure(.infraFailed, "There are no files of sandbox \(specification.id).")
        }
        report(.launching)
        return running(room.start(specification))
    }

    func adopt() async throws(Failure) -> [AdoptedSandbox] {
        if let failure = state.withLock(\.faults.adopt) { throw failure }
        let losses = state.withLock(\.faults.losses)
        return room.all.map { id, guest in
            guest.isRunning
                ? .running(running(guest, losses: losses), guest.specification)
                : .ended(id, SandboxEnd(exitCode: 0, reason: "It exited."), isRestartable: true)
        }
    }

    func stop(_ id: SandboxID, grace: Duration) async throws(Failure) {
        begin("stop", id)
        defer { end(id) }
        if let failure = state.withLock(\.faults.stop) { throw failure }
        room.end(id.rawValue, SandboxEnd(signal: 15, reason: "It was stopped."))
    }

    func remove(_ id: SandboxID) async throws(Failure) {
        begin("remove", id)
        defer { end(id) }
        if let failure = state.withLock(\.faults.remove) { throw failure }
        room.remove(id)
    }

    func statistics(_ id: SandboxID) async throws(Failure) -> SandboxStatistics {
        var statistics = SandboxStatistics()
        statistics.cpuMicroseconds = 5_000_000
        (statistics.memoryBytes, statistics.memoryLimitBytes) = (1 << 30, 4 << 30)
        statistics.networkBytes = 7
        return statistics
    }

    func commit(
        _ id: SandboxID, tag: String, push: Bool, credentials: RegistryCredentials?
    ) async throws(Failure) -> CommittedImage {
        CommittedImage(name: tag, digest: "sha256:1", wasPushed: push)
    }

    func prepare(
        image: String, pull: PullPolicy, credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) {
        let gate = state.withLock { state in
            state.calls.append("prepare \(image)")
            return state.fetches
        }
        await gate?.value
        state.withLock { _ = $0.faults.absent.remove(image) }
    }
}
