import Testing

@testable import Registry

@Suite struct RequestTests {
    @Test func aRequestIsDoneOnceAndAnsweredAgain() async throws {
        let fixture = try RegistryFixture()
        var registry = try fixture.open()
        let make = try RequestKey(scope: "make", requestID: "r1")
        let exec = try RequestKey(scope: "exec", requestID: "r1")
        let long = try RequestKey(scope: "exec", requestID: "r2")
        #expect(try await registry.write { $0.claim(make) } == .new)
        #expect(
            try await registry.write { [$0.claim(make), $0.claim(exec), $0.claim(exec)] } == [
                .inProgress, .new, .inProgress,
            ])
        try await registry.write { transaction in
            try transaction.answer(make, Array("done".utf8))
            transaction.forget(exec)
        }
        let claims = try await registry.write { [$0.claim(make), $0.claim(exec), $0.claim(long)] }
        #expect(claims == [.answered(Array("done".utf8)), .new, .new])
        await registry.close()

        registry = try fixture.open()
        let later = try await registry.write { [$0.claim(make), $0.claim(exec)] }
        #expect(later == [.answered(Array("done".utf8)), .interrupted])
    }

    @Test func aClaimGoesWithTheTransactionThatMadeIt() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        let key = try RequestKey(scope: "make", requestID: "r1")
        let code = await RegistryError.code {
            try await registry.write { transaction in
                _ = transaction.claim(key)
                try transaction.create(SandboxRequest(id: ""))
            }
        }
        #expect(code == .invalidArgument)
        #expect(try await registry.write { $0.claim(key) } == .new)
    }

    @Test func theOldestGoWhenThereAreTooManyOrTheyAreTooOld() async throws {
        var fixture = try RegistryFixture()
        fixture.configuration.requests.count = 3
        fixture.configuration.requests.lifetimeSeconds = 100
        let registry = try fixture.open()
        func claim(_ id: String) async throws -> RequestClaim {
            let key = try RequestKey(scope: "s", requestID: id)
            return try await registry.write { $0.claim(key) }
        }
        for id in ["a", "b", "c", "d", "e"] { #expect(try await claim(id) == .new) }
        #expect(try await claim("d") == .inProgress)
        #expect(try await claim("a") == .new)
        fixture.clock.advance(bySeconds: 101)
        // Whatever is written next takes the old ones along.
        #expect(try await claim("f") == .new)
        #expect(try await claim("e") == .new)
        let rows = try await registry.writer.withDatabase { database throws(RegistryError) in
            try database.texts("SELECT request_id FROM requests ORDER BY request_id")
        }
        #expect(rows == ["e", "f"])
    }

    @Test func limits() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        let long = String(repeating: "x", count: 257)
        for (scope, id) in [("", "a"), ("a", ""), (long, "a"), ("a", long)] {
            #expect(RegistryError.code { _ = try RequestKey(scope: scope, requestID: id) } == .invalidArgument)
        }
        let key = try RequestKey(scope: "a", requestID: "b")
        let code = await RegistryError.code {
            try await registry.write {
                try $0.answer(key, [UInt8](repeating: 0, count: RegistryTransaction.answerLimit + 1))
            }
        }
        #expect(code == .invalidArgument)
    }
}
