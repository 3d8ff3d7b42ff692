import GEM
import Testing

@testable import Admin

@Suite struct MetricsTests {
    @Test func countsWhatHappenedAndWritesItForPrometheus() {
        let metrics = Metrics(operations: ["sandbox.start", "sandbox.stop"], version: "1")
        metrics.record(.step, since: monotonicNanoseconds(), failed: false)
        metrics.record(.step, since: monotonicNanoseconds() - 3_000_000_000, failed: true)
        metrics.record(operation: 1, since: monotonicNanoseconds(), failure: Failure(.timeout, "x"))
        metrics.add { text in
            text.metric("rock_x", .gauge, "x")
            text.sample("rock_x", [("a", "q\"\\\n")], 2.5)
        }
        let lines = Set(String(decoding: metrics.exposition(), as: UTF8.self).split(separator: "\n").map(String.init))
        for line in [
            #"rock_environment_call_seconds_count{method="step"} 2"#,
            #"rock_environment_call_seconds_bucket{method="step",le="2.0"} 1"#,
            #"rock_environment_call_seconds_bucket{method="step",le="5.0"} 2"#,
            #"rock_environment_call_seconds_bucket{method="step",le="+Inf"} 2"#,
            #"rock_environment_call_failures_total{method="step"} 1"#,
            #"rock_operation_failures_total{operation="sandbox.stop"} 1"#, #"rock_failures_total{kind="timeout"} 1"#,
            #"rock_x{a="q\"\\\n"} 2.5"#, #"rock_build_info{version="1"} 1"#,
        ] { #expect(lines.contains(line), "\(line)") }
        #expect(!lines.contains { $0.contains("sandbox.start") })
    }

    @Test func everyMethodHasAPlaceOfItsOwn() {
        #expect(Method.allCases.map(\.place) == Array(0..<Method.allCases.count))
        #expect(Histogram.bounds == Histogram.bounds.sorted() && Histogram.bounds.count == 19)
    }
}
