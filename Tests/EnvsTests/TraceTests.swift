import GEM
import Testing

@testable import Envs

@Suite struct TraceTests {
    /// Every episode recorded from GEM, to the last bit of every reward.
    @Test(arguments: BuiltInEnvironments.specs.map(\.id.description))
    func replaysEveryRecordedEpisode(_ id: String) throws {
        let traces = try #require(try Trace.byID.get()[id])
        #expect(traces.count == 30)
        for trace in traces {
            let difference = try difference(replaying: trace)
            #expect(difference == nil, "seed \(trace.seed), policy \(trace.policy): \(difference ?? "")")
        }
    }
}
