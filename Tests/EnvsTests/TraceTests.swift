import GEM
import Testing

@testable import Envs

@Suite struct TraceTests {
    /// Every episode recorded from GEM, to the last bit of every reward.
    @Test(
        arguments: BuiltInEnvironments.specs.map(\.id.description).filter {
            $0.hasPrefix("game:") && !$0.contains("WikiGame")
        })
    func replaysEveryRecordedEpisode(_ id: String) throws {
        let traces = try #require(try Trace.byID.get()[id])
        #expect(traces.count == 30)
        for trace in traces {
            let difference = try difference(replaying: trace)
            #expect(difference == nil, "seed \(trace.seed), policy \(trace.policy): \(difference ?? "")")
        }
    }

    /// Release 0.1.0 shuffles the fifteen puzzle without caring whether it can be solved; `init_algo` offers that too.
    @Test func replaysTheOlderFifteenPuzzle() throws {
        let traces = try Trace.shuffledFifteen.get()
        #expect(traces.values.map(\.count).reduce(0, +) == 45)
        for trace in traces.values.joined() {
            let difference = try difference(replaying: trace, ["init_algo": .choice("shuffle")])
            #expect(difference == nil, "seed \(trace.seed), policy \(trace.policy): \(difference ?? "")")
        }
    }

    /// Other sizes, other limits, odd spellings, flags and repeated guesses: 180 episodes recorded from gem-llm 0.1.0.
    @Test func replaysEpisodesWithArguments() throws {
        let traces = try Trace.withArguments.get().values.joined()
        #expect(traces.count == 180)
        for trace in traces {
            let arguments = try #require(trace.arguments).mapValues(\.parameter)
            let difference = try difference(replaying: trace, arguments)
            #expect(difference == nil, "\(trace.environment) \(arguments), seed \(trace.seed): \(difference ?? "")")
        }
    }

    /// No recorded episode is of an id that nobody can make.
    @Test func everyRecordedIDIsRegistered() throws {
        let registered = Set(BuiltInEnvironments.specs.map(\.id.description))
        #expect(registered.count == BuiltInEnvironments.specs.count)
        #expect(
            Set(try Trace.byID.get().keys) == registered.filter { $0.hasPrefix("game:") && !$0.contains("WikiGame") })
    }
}
