import GEM
import Testing

@testable import Envs

@Suite struct TraceTests {
    /// Every episode recorded from GEM, to the last bit of every reward.
    @Test(arguments: BuiltInEnvironments.specs.map(\.id.description).filter { $0.hasPrefix("game:") })
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

    /// No recorded episode is of an id that nobody can make.
    @Test func everyRecordedIDIsRegistered() throws {
        let registered = Set(BuiltInEnvironments.specs.map(\.id.description))
        #expect(registered.count == BuiltInEnvironments.specs.count)
        #expect(Set(try Trace.byID.get().keys) == registered.filter { $0.hasPrefix("game:") })
    }
}
