import CLinux
import GEM
import Glibc
import Transport

/// What is measured of environments over HTTP: prepared calls in a closed loop, each connection waiting for its answer.
struct EnvironmentBench {
    let place: HTTPPlace
    /// How long each loop runs.
    let duration: Duration

    /// What can be measured, in the order of the table.
    enum Name: String, CaseIterable {
        case step, throughput, vector, episodes, make, cold, reset, hard, live
    }

    private static let moves = ["up", "down", "left", "right"]
    /// The board is stepped for as long as the loop runs: no reset disturbs it.
    private static let endless: JSON = ["max_turns": 1_000_000_000]

    // MARK: Steps

    /// `step` on each of `count` connections with a sandbox each.
    func steps(_ name: Name, connections count: Int) throws -> BenchResult {
        let players = try (0..<count).map { try Player(place, seed: $0) }
        defer { for player in players { player.close() } }
        var times: [UInt64] = []
        times.reserveCapacity(1 << 20)
        let elapsed = try count == 1 ? alone(players[0], &times) : together(players, &times)
        return BenchResult(
            name: name.rawValue, times: Distribution(times, seconds: elapsed),
            facts: [("connections", Double(count)), ("answer_bytes", Double(players[0].answerBytes))])
    }

    /// One connection needs nobody to say which answer has come.
    private func alone(_ player: Player, _ times: inout [UInt64]) throws -> Double {
        let (start, limit) = (rock_now_ns(), Int64(duration / .nanoseconds(1)))
        var now = start
        while now - start < limit {
            try player.begin()
            try player.finish()
            let end = rock_now_ns()
            if !player.wasReset { times.append(UInt64(end - now)) }
            now = end
        }
        return Double(now - start) / 1e9
    }

    private func together(_ players: [Player], _ times: inout [UInt64]) throws -> Double {
        let epoll = rock_epoll_create()
        defer { close(epoll) }
        for (index, player) in players.enumerated() {
            rock_epoll_add(epoll, player.connection.descriptor, Interest.readable.rawValue, UInt64(index))
        }
        let (start, limit) = (rock_now_ns(), Int64(duration / .nanoseconds(1)))
        var began = [Int64](repeating: start, count: players.count)
        var events = [rock_event](repeating: rock_event(), count: 256)
        var (now, waiting) = (start, players.count)
        for player in players { try player.begin() }
        while waiting > 0 {
            let count = rock_epoll_wait(epoll, &events, 256, -1)
            for event in events.prefix(Int(max(0, count))) {
                let index = Int(event.token)
                guard try players[index].finishSome() else { continue }
                now = rock_now_ns()
                if !players[index].wasReset { times.append(UInt64(now - began[index])) }
                began[index] = now
                if now - start < limit { try players[index].begin() } else { waiting -= 1 }
            }
        }
        return Double(now - start) / 1e9
    }

    /// A connection and its sandbox.
    private final class Player {
        let connection: BenchConnection
        private(set) var wasReset = false
        private(set) var answerBytes = 0
        private let steps: [[UInt8]]
        private let reset: [UInt8]
        private let closing: [UInt8]
        private var turn = 0
        private var isOver = false

        init(_ place: HTTPPlace, seed: Int) throws {
            connection = try BenchConnection(place)
            let made = try connection.call(
                connection.prepare("make", ["env_id": "game:Sokoban-v0-easy", "kwargs": EnvironmentBench.endless]))
            let id = made["sandbox_id"] ?? .null
            steps = EnvironmentBench.moves.map { [connection] move in
                connection.prepare("step", ["sandbox_id": id, "action": .string("\\boxed{\(move)}")])
            }
            reset = connection.prepare("reset", ["sandbox_id": id, "seed": .number(JSON.Number(seed))])
            closing = connection.prepare("close", ["sandbox_id": id])
            _ = try connection.call(reset)
            // The first calls find out how large an answer is; a board may even be solved by them.
            for _ in steps {
                try begin()
                try finish()
            }
        }

        func begin() throws {
            wasReset = isOver
            turn += 1
            try connection.send(isOver ? reset : steps[turn & 3])
        }

        func finish() throws { look(at: try connection.receive()) }

        func finishSome() throws -> Bool {
            guard let bytes = try connection.receiveSome() else { return false }
            look(at: bytes)
            return true
        }

        private func look(at bytes: Int) {
            if !wasReset { answerBytes = bytes }
            isOver = connection.lastAnswer(contains: "\"terminated\":true")
        }

        /// Closes the sandbox; a server that is gone has done so already.
        func close() { _ = try? connection.call(closing) }
    }

    // MARK: Vectors

    /// One `step` for `count` environments in one sandbox: of one endless episode each, or of episodes as long as the id's
    /// own, the resets between them included.
    func vector(_ name: Name, count: Int) throws -> BenchResult {
        let connection = try BenchConnection(place)
        let made = try connection.call(
            connection.prepare(
                "make",
                [
                    "env_id": "game:Sokoban-v0-easy", "num_envs": .number(JSON.Number(count)),
                    "kwargs": name == .vector ? Self.endless : [:],
                ]))
        let id = made["sandbox_id"] ?? .null
        defer { _ = try? connection.call(connection.prepare("close", ["sandbox_id": id])) }
        _ = try connection.call(connection.prepare("reset", ["sandbox_id": id, "seed": 0]))
        let steps = (0..<4).map { turn in
            let actions = (0..<count).map { JSON.string("\\boxed{\(Self.moves[(turn + $0) & 3])}") }
            return connection.prepare("step", ["sandbox_id": id, "actions": .array(actions)])
        }
        for step in steps { _ = try connection.call(step) }
        let times = try loop { turn in
            try connection.send(steps[turn & 3])
            _ = try connection.receive()
        }
        return BenchResult(
            name: name.rawValue, times: times,
            facts: [("num_envs", Double(count)), ("env_steps_per_second", times.perSecond * Double(count))])
    }

    // MARK: Beginnings

    /// What the pool needs to put a new sandbox in the place of the one that was taken, in microseconds, with room to spare.
    private static let refillPause: UInt32 = 10_000

    /// `make`, with the `close` between two of them left out of the time. Each finds the pool full and the machine at rest:
    /// a client that makes and closes without end would measure how fast sandboxes are cloned and buried.
    func makes(_ name: Name) throws -> BenchResult {
        let connection = try BenchConnection(place)
        let make = connection.prepare("make", ["env_id": "game:Sokoban-v0-easy"])
        var times: [UInt64] = []
        let (start, limit) = (rock_now_ns(), Int64(duration / .nanoseconds(1)))
        while rock_now_ns() - start < limit {
            let before = rock_now_ns()
            let made = try connection.call(make)
            times.append(UInt64(rock_now_ns() - before))
            _ = try connection.call(connection.prepare("close", ["sandbox_id": made["sandbox_id"] ?? .null]))
            if name == .make { usleep(Self.refillPause) }
        }
        return BenchResult(
            name: name.rawValue, times: Distribution(times, seconds: Double(times.reduce(0, +)) / 1e9))
    }

    /// `reset` of `environment` with the seeds from 0 on: `count` of them, or as many as there is time for.
    func resets(_ name: Name, of environment: String, count: Int?) throws -> BenchResult {
        let connection = try BenchConnection(place)
        let made = try connection.call(connection.prepare("make", ["env_id": .string(environment)]))
        let id = made["sandbox_id"] ?? .null
        defer { _ = try? connection.call(connection.prepare("close", ["sandbox_id": id])) }
        let times = try loop(atLeast: count ?? 1, atMost: count ?? .max) { seed in
            try connection.send(
                connection.prepare("reset", ["sandbox_id": id, "seed": .number(JSON.Number(seed))]))
            _ = try connection.receive()
        }
        return BenchResult(name: name.rawValue, times: times)
    }

    // MARK: Many

    /// `count` sandboxes at a time, stepped one after the other.
    func live(_ count: Int) throws -> BenchResult {
        let connection = try BenchConnection(place)
        let before = Self.availableKilobytes
        let started = rock_now_ns()
        var steps: [[UInt8]] = []
        var ids: [JSON] = []
        defer { for id in ids { _ = try? connection.call(connection.prepare("close", ["sandbox_id": id])) } }
        for number in 0..<count {
            let made = try connection.call(
                connection.prepare("make", ["env_id": "game:Sokoban-v0-easy", "kwargs": Self.endless]))
            let id = made["sandbox_id"] ?? .null
            ids.append(id)
            _ = try connection.call(
                connection.prepare("reset", ["sandbox_id": id, "seed": .number(JSON.Number(number))]))
            steps.append(connection.prepare("step", ["sandbox_id": id, "action": "\\boxed{up}"]))
        }
        let creation = Double(rock_now_ns() - started) / 1e9
        let used = before - Self.availableKilobytes
        let times = try loop(atLeast: count) { turn in
            try connection.send(steps[turn % count])
            _ = try connection.receive()
        }
        return BenchResult(
            name: Name.live.rawValue, times: times,
            facts: [
                ("sandboxes", Double(count)), ("creation_seconds", creation),
                ("machine_kib_per_sandbox", Double(used) / Double(count)),
            ])
    }

    /// What the kernel could give away without swapping; what sandboxes take from it is their whole cost.
    private static var availableKilobytes: Int {
        let file = open("/proc/meminfo", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &bytes, bytes.count)
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        let fields = lines.first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ") ?? []
        return fields.count > 1 ? Int(fields[1]) ?? 0 : 0
    }

    private func loop(
        atLeast least: Int = 1, atMost most: Int = .max, _ body: (Int) throws -> Void
    ) rethrows -> Distribution {
        var times: [UInt64] = []
        let (start, limit) = (rock_now_ns(), Int64(duration / .nanoseconds(1)))
        var now = start
        while times.count < least || now - start < limit && times.count < most {
            try body(times.count)
            let end = rock_now_ns()
            times.append(UInt64(end - now))
            now = end
        }
        return Distribution(times, seconds: Double(now - start) / 1e9)
    }
}
