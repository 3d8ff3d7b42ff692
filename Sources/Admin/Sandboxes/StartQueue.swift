import ConfigurationFiles
import GEM

/// Whose start is next: a bounded line, fair between namespaces, that lets only as many through as there is room for.
///
/// Namespaces take turns; within one, first come is first served. What does not fit now lets others pass, but not for ever.
/// Room is what sandboxes were promised, from when their start begins until they end.
struct StartQueue {
    /// What a sandbox is promised.
    struct Need: Equatable {
        var cpus = 0.0
        var memoryBytes: Int64 = 0
    }

    /// A place in the line.
    struct Place: Equatable {
        /// How many starts come before, as things stand.
        let position: Int
        /// How long until it begins; `nil` where only others' ends could make room.
        let estimatedSeconds: Double?
    }

    struct Limits {
        var concurrent = 32
        var waiting = 1024
        /// Sandboxes at a time, those in the line included.
        var sandboxes = 4096
        var cpus: Double?
        var memoryBytes: Int64?
    }

    private struct Waiting {
        let id: String
        let need: Need
        /// How often another start was let past because this one did not fit.
        var passed = 0
    }

    let limits: Limits
    /// Who waits in each namespace, and the namespaces in the order of their turns.
    private var lanes: [String: [Waiting]] = [:]
    private var turns: [String] = []
    private var laneOf: [String: String] = [:]
    /// Places given out to starts that are being written down.
    private var reserved = 0
    /// What has been promised to those that start or run.
    private var promised: [String: Need] = [:]
    private var promisedCPUs = 0.0
    private var promisedMemory: Int64 = 0
    private var starting: Set<String> = []
    /// Starts that gave up their turn while an image was fetched, and go on as soon as there is room.
    private var returning: [String] = []
    /// How long a start takes, averaged over the latest.
    private var averageSeconds = 0.5

    /// A start that fits in no hole waits while this many pass; then the others wait for it.
    private static let patience = 64

    init(_ limits: Limits) { self.limits = limits }

    /// How many wait.
    var waitingCount: Int { laneOf.count }
    /// How many are being started.
    var startingCount: Int { starting.count }

    /// Keeps a place for a start that is about to be written down.
    ///
    /// - Throws: ``Failure``: `overloaded` where the line is full, `invalidArgument` where it could never be let through.
    mutating func reserve(_ need: Need) throws(Failure) {
        if let most = limits.cpus, need.cpus > most {
            throw Failure(.invalidArgument, "cpus \(need.cpus) is more than all sandboxes together may have: \(most).")
        }
        if let most = limits.memoryBytes, need.memoryBytes > most {
            throw Failure(
                .invalidArgument,
                "memory is more than all sandboxes together may have: \(ByteCount(rawValue: Int(most))).")
        }
        let count = promised.count + laneOf.count + reserved
        guard count < limits.sandboxes else {
            throw Failure(
                .overloaded, "All \(limits.sandboxes) sandboxes of this server are in use. Stop one, then try again.")
        }
        guard laneOf.count + reserved < limits.waiting + max(0, limits.concurrent - starting.count) else {
            throw Failure(
                .overloaded,
                "\(laneOf.count) starts wait already, about \(Int(estimate(laneOf.count).rounded(.up))) seconds' work. Try again later."
            )
        }
        reserved += 1
    }

    /// Gives a reserved place back.
    mutating func cancelReservation() { reserved -= 1 }

    /// Puts a start whose place was reserved at the end of its namespace's line.
    mutating func add(_ id: String, namespace: String, need: Need) {
        reserved -= 1
        if lanes[namespace] == nil { turns.append(namespace) }
        lanes[namespace, default: []].append(Waiting(id: id, need: need))
        laneOf[id] = namespace
    }

    /// Counts a sandbox that runs already.
    mutating func adopt(_ id: String, need: Need) { promise(id, need) }

    /// Counts a sandbox that starts at once or not at all.
    ///
    /// - Throws: ``Failure`` as ``reserve(_:)``, and `overloaded` where it does not fit now.
    mutating func admit(_ id: String, need: Need) throws(Failure) {
        try reserve(need)
        cancelReservation()
        guard fits(need) else {
            throw Failure(.overloaded, "All that sandboxes may have together is in use. Close one, then try again.")
        }
        promise(id, need)
    }

    /// Takes out every start that may begin now.
    mutating func takeReady() -> [String] {
        var ready: [String] = []
        while starting.count < limits.concurrent, !returning.isEmpty {
            let id = returning.removeFirst()
            starting.insert(id)
            ready.append(id)
        }
        while starting.count < limits.concurrent, let next = takeNext() {
            promise(next.id, next.need)
            starting.insert(next.id)
            ready.append(next.id)
        }
        return ready
    }

    /// The start of `id` waits for something that takes nothing of this machine: another may begin. Its promise stands.
    mutating func pauseStart(_ id: String) { starting.remove(id) }

    /// A paused start wants to go on: it comes before all who have not begun.
    mutating func resumeStart(_ id: String) { if promised[id] != nil { returning.append(id) } }

    /// The start of `id` is over; what it was promised stays its own until ``remove(_:)``.
    mutating func endStart(_ id: String, seconds: Double?) {
        guard starting.remove(id) != nil, let seconds else { return }
        averageSeconds += (max(seconds, 0.001) - averageSeconds) / 16
    }

    /// Forgets a sandbox, wherever it is: in the line, starting or running.
    mutating func remove(_ id: String) {
        starting.remove(id)
        returning.removeAll { $0 == id }
        if let need = promised.removeValue(forKey: id) {
            promisedCPUs -= need.cpus
            promisedMemory -= need.memoryBytes
        }
        if promised.isEmpty { promisedCPUs = 0 }  // no rounding errors left over
        guard let lane = laneOf.removeValue(forKey: id) else { return }
        lanes[lane]?.removeAll { $0.id == id }
        dropLaneIfEmpty(lane)
    }

    /// Where `id` stands in the line; `nil` where it does not wait.
    func place(of id: String) -> Place? {
        guard let lane = laneOf[id], let ahead = lanes[lane]?.firstIndex(where: { $0.id == id }) else { return nil }
        // Every other namespace gets a turn for each of this one's.
        let others = lanes.reduce(0) { $0 + ($1.key == lane ? 0 : min($1.value.count, ahead + 1)) }
        let position = ahead + others
        return Place(
            position: position, estimatedSeconds: starting.count < limits.concurrent ? nil : estimate(position + 1))
    }

    /// How long it takes to work off what waits, as things stand.
    var estimatedSeconds: Double { estimate(waitingCount) }

    private func estimate(_ count: Int) -> Double { averageSeconds * Double(count) / Double(limits.concurrent) }

    private mutating func promise(_ id: String, _ need: Need) {
        guard promised.updateValue(need, forKey: id) == nil else { return }
        promisedCPUs += need.cpus
        promisedMemory += need.memoryBytes
    }

    private func fits(_ need: Need) -> Bool {
        promisedCPUs + need.cpus <= (limits.cpus ?? .infinity)
            && promisedMemory + need.memoryBytes <= (limits.memoryBytes ?? .max)
    }

    /// The first of each namespace in turn, the first that fits.
    private mutating func takeNext() -> Waiting? {
        let heads = turns.compactMap { lane in lanes[lane]?.first.map { (lane, $0) } }
        let chosen: (lane: String, waiting: Waiting)?
        if let patient = heads.first(where: { $0.1.passed >= Self.patience }) {
            chosen = fits(patient.1.need) ? patient : nil
        } else {
            chosen = heads.first { fits($0.1.need) }
        }
        guard let chosen else { return nil }
        for (lane, head) in heads where !fits(head.need) { lanes[lane]?[0].passed += 1 }
        lanes[chosen.lane]?.removeFirst()
        laneOf[chosen.waiting.id] = nil
        turns.removeAll { $0 == chosen.lane }
        turns.append(chosen.lane)
        dropLaneIfEmpty(chosen.lane)
        return chosen.waiting
    }

    private mutating func dropLaneIfEmpty(_ lane: String) {
        guard lanes[lane]?.isEmpty == true else { return }
        lanes[lane] = nil
        turns.removeAll { $0 == lane }
    }
}
