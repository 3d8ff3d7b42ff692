import SandboxHost
import Testing

@testable import Admin

@Suite struct EndedSandboxesTests {
    @Test func remembersTheLastFewThousand() throws {
        var ended = EndedSandboxes()
        let ids = try (0..<5000).map { try #require(SandboxID(rawValue: "s\($0)")) }
        for id in ids { ended.add(id, reason: .idle) }
        #expect(ids.map { ended[$0] != nil } == (0..<5000).map { $0 >= 904 })
    }
}
