import Testing

@testable import Envs
@testable import GEM

/// A service as a server speaks to it.
private struct Peer {
    private var service: EnvironmentService

    init(entropy: UInt64) throws {
        service = EnvironmentService(registry: try EnvironmentRegistry(BuiltInEnvironments.specs)) { entropy }
    }

    mutating func call(_ method: String, _ params: String = "{}") throws -> JSON {
        var output: [UInt8] = []
        let line = Array(#"{"id":1,"method":"\#(method)","params":\#(params)}"#.utf8)
        service.answer(line.span, into: &output)
        let answer = Array(output.dropLast())
        return try JSON(parsing: answer.span)
    }

    /// The state as `save` gives it.
    mutating func save() throws -> String {
        try #require(try call("save")["result"]?["state"]?.string)
    }

    mutating func restore(_ state: String) throws -> JSON { try call("restore", #"{"state":"\#(state)"}"#) }
}

@Suite struct SaveCallTests {
    private func made(_ id: String, _ more: String, entropy: UInt64 = 1) throws -> Peer {
        var peer = try Peer(entropy: entropy)
        let answer = try peer.call("make", #"{"env_id":"\#(id)"\#(more)}"#)
        try #require(answer["result"] != nil, "\(answer)")
        return peer
    }

    /// Each autoreset, at every stage of three environments that end at different times.
    @Test(arguments: ["next_step", "same_step", "disabled"])
    func aVectorGoesOn(_ autoreset: String) throws {
        let more = #","num_envs":3,"kwargs":{"max_turns":3},"autoreset":"\#(autoreset)""#
        var one = try made("game:GuessTheNumber-v0-hard", more)
        _ = try one.call("reset", #"{"seed":5}"#)
        let calls: [(String, String)] = [
            ("step", #"{"actions":["?","\\boxed{1}","\\boxed{2}"]}"#),
            ("step", #"{"actions":{"1":"\\boxed{3}","2":"\\boxed{3}"}}"#),
            ("sample_action", "{}"),
            ("step", #"{"actions":["\\boxed{4}","\\boxed{4}","\\boxed{4}"]}"#),
            ("step", #"{"actions":["\\boxed{4}","\\boxed{4}","\\boxed{4}"]}"#),
            ("status", "{}"), ("render", "{}"), ("reset", #"{"indices":[0]}"#), ("reset", "{}"),
        ]
        for (method, params) in calls {
            let state = try one.save()
            var other = try made("game:GuessTheNumber-v0-hard", more, entropy: 99)
            #expect(try other.restore(state)["result"] == one.call("status")["result"])
            #expect(try other.save() == state)
            let answer = try one.call(method, params)
            #expect(try other.call(method, params) == answer, "\(method) \(params)")
            #expect(try other.save() == one.save())
        }
    }

    /// What ended stays ended, and what has not begun yet begins with the same stream.
    @Test func everyStageIsKept() throws {
        var one = try made("rock:Maze-v0-random", "")
        var other = try made("rock:Maze-v0-random", "", entropy: 2)
        #expect(try other.restore(one.save())["result"]?["state"]?.string == "not_reset")
        #expect(try other.call("step", #"{"action":""}"#)["error"]?["data"]?["kind"]?.string == "not_reset")
        #expect(try other.call("reset") == one.call("reset"))
        _ = try one.call("step", #"{"action":"?"}"#)
        #expect(try other.restore(one.save())["result"]?["state"]?.string == "ended")
        #expect(try other.call("step", #"{"action":""}"#)["error"]?["data"]?["kind"]?.string == "episode_ended")
        #expect(try other.call("reset") == one.call("reset"))
    }

    /// A whole room of Sokoban in less than a short tweet.
    @Test func isCompact() throws {
        var peer = try made("game:Sokoban-v0-hard", "")
        _ = try peer.call("reset", #"{"seed":1}"#)
        #expect(try peer.save().utf8.count < 320)
    }

    struct Refusal: Sendable {
        let make: String
        let says: String
    }

    static let refusals = [
        Refusal(make: #""game:Sokoban-v0-hard""#, says: #"env_id "game:Sokoban-v0-easy""#),
        Refusal(make: #""game:Sokoban-v0-easy","kwargs":{"max_turns":21}"#, says: "kwargs"),
        Refusal(make: #""game:Sokoban-v0-easy","num_envs":1,"autoreset":"disabled""#, says: #"num_envs "null""#),
        Refusal(make: #""game:Sokoban-v0-easy","autoreset":"same_step""#, says: #"autoreset "disabled""#),
    ]

    /// A state fits only where the same was made.
    @Test(arguments: refusals)
    func refusesForeignStates(_ refusal: Refusal) throws {
        var one = try made("game:Sokoban-v0-easy", "")
        _ = try one.call("reset", #"{"seed":1}"#)
        var other = try Peer(entropy: 1)
        _ = try other.call("make", #"{"env_id":\#(refusal.make)}"#)
        let before = try other.save()
        let error = try #require(try other.restore(one.save())["error"])
        #expect(error["data"]?["kind"]?.string == "invalid_state" && error["code"]?.int == -32015)
        #expect(error["message"]?.string?.contains(refusal.says) == true, "\(error)")
        #expect(try other.save() == before)
    }

    /// Damage with a checksum to match is the work of somebody who wants to crash the process.
    @Test(arguments: ["game:Sokoban-v0-easy", "game:WordSearch-v0-random", "rock:Maze-v0-random"])
    func survivesForgedStates(_ id: String) throws {
        var twister = MersenneTwister(seed: 3)
        var fresh = try made(id, #","num_envs":2"#)
        _ = try fresh.call("reset", #"{"seed":4}"#)
        let fields = try SavedState.open(fresh.save()).bytes
        var restored = 0
        for _ in 0..<300 {
            var forged = fields
            for _ in 0...twister.below(2) {
                forged[twister.below(forged.count)] = UInt8(truncatingIfNeeded: twister.u32())
            }
            var peer = fresh
            let state = SavedState.seal(StateCoder(reading: forged))
            let answer = try peer.restore(String(decoding: state, as: UTF8.self))
            guard answer["result"] != nil else {
                #expect(answer["error"]?["data"]?["kind"]?.string == "invalid_state")
                continue
            }
            restored += 1
            for (method, params) in [
                ("status", "{}"), ("render", "{}"), ("sample_action", "{}"),
                ("step", #"{"actions":["\\boxed{left}","\\boxed{1 1 1 2}"]}"#), ("save", "{}"), ("reset", "{}"),
            ] {
                let answer = try peer.call(method, params)
                let isClean = ["not_reset", "env_failed"].contains(answer["error"]?["data"]?["kind"]?.string)
                #expect(answer["result"] != nil || isClean, "\(answer)")
            }
        }
        #expect(restored > 10)
    }

    /// Whatever is done to the text, it is refused, and nothing changes.
    @Test func refusesDamagedStates() throws {
        var one = try made("game:Minesweeper-v0-hard", "")
        _ = try one.call("reset", #"{"seed":1}"#)
        _ = try one.call("step", #"{"action":"\\boxed{reveal 3 3}"}"#)
        let state = Array(try one.save())
        let letters = Array("ABCXYZabcxyz0189+/=")
        for place in state.indices {
            var damaged = state
            for letter in [letters[place % letters.count], "-", "é"] where letter != state[place] {
                damaged[place] = letter
                let answer = try one.restore(String(damaged))
                #expect(answer["error"]?["data"]?["kind"]?.string == "invalid_state", "\(place)")
            }
            let answer = try one.restore(String(state[..<place]))
            #expect(answer["error"]?["data"]?["kind"]?.string == "invalid_state")
        }
        #expect(try one.save() == String(state))
        for params in ["{}", #"{"state":null}"#, #"{"state":7}"#] {
            #expect(try one.call("restore", params)["error"]?["data"]?["kind"]?.string == "invalid_params")
        }
        var empty = try Peer(entropy: 1)
        for method in ["save", "restore"] {
            #expect(try empty.call(method, #"{"state":""}"#)["error"]?["data"]?["kind"]?.string == "not_reset")
        }
    }
}
