import Testing

/// `rockctl model-service`, as agents and training loops meet it. The scenarios are in `Clients/model_service`; those of local
/// mode hold our halves against the halves of ROCK's own package.
@Suite(.timeLimit(.minutes(5))) struct ModelServiceTests {
    @Test(arguments: [("local.py", 8), ("proxy.py", 15)])
    func everyScenarioEndsWell(_ script: String, _ count: Int) async throws {
        let played = try await EndToEndTests.run(
            Products.python, ["-B", Products.client("model_service/\(script)")],
            environment: ["ROCKCTL": Products.rockctl, "PYTHONDONTWRITEBYTECODE": "1"])
        #expect(played.status == 0, "\(played.output)\(played.errors.suffix(4000))")
        #expect(played.output.split(separator: "\n").count { $0.hasPrefix("ok ") } == count, "\(played.output)")
    }
}
