import GEM
import Testing

@testable import Admin

/// What external environments make of a program's answers, without a program.
@Suite struct ProgramEpisodesTests {
    private func episodes(
        count: Int?, _ autoreset: ProgramEpisodes.Autoreset? = nil, maxTurns: Int? = nil
    ) throws -> ProgramEpisodes {
        var manifest = EnvironmentManifest(
            id: try #require(EnvironmentID("my:X-v0")), command: ["x"])
        manifest.maxTurns = maxTurns
        return ProgramEpisodes(manifest, kwargs: [:], count: count, autoreset: autoreset)
    }

    private func turn(_ text: String, terminated: Bool = false, ofStep isStep: Bool = true) throws -> ProgramTurn {
        let line =
            #"{"id":1,"result":{"observation":"\#(text)","reward":0.5,"terminated":\#(terminated),"truncated":false,"info":{"k":1}}}"#
        let answer = try ProgramAnswer(Array(line.utf8))
        return try ProgramTurn(answer, ofStep: isStep)
    }

    private func params(_ json: JSON) throws -> ServiceParams {
        let bytes = json.serialized
        return try ServiceParams(bytes.span, 0..<bytes.count)
    }

    @Test func asksForTurnsAndResetsAsTheEpisodesStand() throws {
        var episodes = try episodes(count: 3, maxTurns: 2)
        #expect(throws: Failure.self) { try episodes.steps(Array(#"{"actions":["a","b","c"]}"#.utf8)) }
        let resets = try episodes.resets(try params(["seed": 5]))
        #expect(resets == [.reset(index: 0, seed: 5), .reset(index: 1, seed: 6), .reset(index: 2, seed: 7)])
        for index in 0..<3 { episodes.begin(try turn("s", ofStep: false), at: index) }
        let steps = try episodes.steps(Array(#"{"actions":{"2":"\u0061\n","0":"é"}}"#.utf8))
        #expect(
            steps == [
                .step(index: 2, action: Array(#""a\n""#.utf8)), .step(index: 0, action: Array(#""é""#.utf8)),
            ])
        // The second turn is the last, and the next step begins an episode.
        var one = try turn("t")
        episodes.play(&one, at: 1)
        #expect(!one.truncated)
        episodes.play(&one, at: 1)
        #expect(one.truncated && episodes.instances[1].state == .ended && episodes.instances[1].cumulativeReward == 1)
        let after = try episodes.steps(Array(#"{"actions":["a","b","c"]}"#.utf8))
        #expect(after[1] == .reset(index: 1, seed: nil) && after[0].isStep && after[2].isStep)
        #expect(episodes.restarts(steps).places.isEmpty)
    }

    @Test func sameStepShowsTheLastObservationBesideTheFirst() throws {
        var episodes = try episodes(count: 1, .sameStep)
        episodes.begin(try turn("s", ofStep: false), at: 0)
        let steps = try episodes.steps(Array(#"{"actions":["a"]}"#.utf8))
        var last = try turn("end", terminated: true)
        episodes.play(&last, at: 0)
        let (places, resets) = episodes.restarts(steps)
        #expect(places == [0] && resets == [.reset(index: 0, seed: nil)])
        let first = try turn("new", ofStep: false)
        episodes.begin(first, at: 0)
        let result = episodes.result([.init(turn: first, last: last)], ofStep: true)
        #expect(
            String(decoding: result, as: UTF8.self)
                == #"{"observation":["new"],"reward":[0.5],"terminated":[true],"truncated":[false],"info":[{"k":1,"final_observation":"end","final_info":{"k":1}}]}"#
        )
    }

    @Test func aSingleOneEndsUntilItIsReset() throws {
        var episodes = try episodes(count: nil)
        episodes.begin(try turn("s", ofStep: false), at: 0)
        var last = try turn("end", terminated: true)
        episodes.play(&last, at: 0)
        let ended = #expect(throws: Failure.self) { try episodes.steps(Array(#"{"action":"a"}"#.utf8)) }
        #expect(ended?.kind == .episodeEnded)
        #expect(episodes.take(Failure(.envFailed, "broken"), at: 0) == Failure(.envFailed, "broken"))
        #expect(throws: Failure(.envFailed, "broken")) { try episodes.steps(Array(#"{"action":"a"}"#.utf8)) }
    }

    @Test func aStateIsReadOnlyWhereItWasMadeAlike() throws {
        var episodes = try episodes(count: 2)
        episodes.begin(try turn("s", ofStep: false), at: 1)
        #expect(episodes.saves == [.save(index: 1)])
        let bytes = try episodes.saved(["mine"])
        let saved = try JSON(parsing: bytes.span)
        let fresh = try self.episodes(count: 2)
        let (restored, orders) = try fresh.restoring(try params(saved))
        #expect(orders == [.restore(index: 1, state: "mine")] && restored.status == episodes.status)
        let state = try #require(saved["state"]?.string)
        for (count, text) in [
            (3, state), (2, String(state.dropLast(4))), (2, state.replacing("A", with: "B")), (2, ""),
        ] {
            let (others, params) = (try self.episodes(count: count), try params(["state": .string(text)]))
            let failure = #expect(throws: Failure.self) { _ = try others.restoring(params) }
            #expect(failure?.kind == .invalidState, "\(text)")
        }
    }

    @Test func refusalsAreOfFewKinds() throws {
        let id = try #require(EnvironmentID("my:X-v0"))
        for (code, kind) in [
            (-32601, .methodNotFound), (-32602, .invalidArgument), (-32008, .invalidAction), (-32015, .invalidState),
            (-32018, .envFailed), (1, .envFailed), (-32603, .envFailed),
        ] as [(Int, Failure.Kind)] {
            let line = #"{"id":1,"result":null,"error":{"code":\#(code),"message":"no"}}"#
            let answer = try ProgramAnswer(Array(line.utf8))
            #expect(answer.refusal("step", by: id)?.kind == kind, "\(code)")
        }
    }
}
