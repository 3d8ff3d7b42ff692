import Testing

@testable import Registry

@Suite struct KeyTests {
    /// Digests from FIPS 180-4's examples and from coreutils' sha256sum, for lengths around the block's edges.
    @Test(arguments: [
        ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        ("a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
        ("a", 63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"),
        ("a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
        ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func digests(text: String, times: Int, digest: String) {
        let found = SHA256.digest(String(repeating: text, count: times).utf8)
        #expect(found.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == digest)
    }

    @Test func aKeyWorksUntilItIsRevokedAlsoBehindARestart() async throws {
        let fixture = try RegistryFixture()
        var registry = try fixture.open()
        let (key, token) = try await registry.write {
            try $0.createKey(name: "trainer", scope: .user, namespaces: ["b", "a", "b"])
        }
        let other = try await registry.write { try $0.createKey(name: "other", scope: .read).token }
        #expect(key.namespaces == ["a", "b"] && token.utf8.count == 78 && token != other)
        #expect(registry.authenticate(token)?.id == key.id)
        await registry.close()

        registry = try fixture.open()
        let used = registry.authenticate(token)
        #expect(used?.scope == .user && used?.namespaces == ["a", "b"] && used?.lastUsedTime == fixture.clock.now)
        let wrong = [
            "", "rock_", other + "0", String(token.dropLast()) + "g", String(token.dropLast()), token.uppercased(),
            "rock_00000000" + token.dropFirst(13), "rock_\(key.id)-" + token.dropFirst(14),
            String(repeating: "é", count: 39),
        ]
        #expect(wrong.allSatisfy { registry.authenticate($0) == nil })

        try await registry.write { try $0.revokeKey(key.id) }
        try await registry.write { try $0.revokeKey(key.id) }
        #expect(registry.authenticate(token) == nil && registry.authenticate(other) != nil)
        #expect(registry.keys.first { $0.id == key.id }?.revokeTime == fixture.clock.now)
        let code = await RegistryError.code { try await registry.write { try $0.revokeKey("nobody") } }
        #expect(code == .notFound)
        await registry.close()
        registry = try fixture.open()
        #expect(registry.authenticate(token) == nil && registry.keys.count == 2)
    }

    @Test func noTokenIsInTheFile() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        let token = try await registry.write { try $0.createKey(name: "trainer", scope: .admin).token }
        await registry.close()
        let secret = Array(token.utf8.suffix(64))
        let file = try #require(FileBytes.read(fixture.configuration.path))
        #expect(file.count > 4096 && file.firstRange(of: secret) == nil)
        #expect(file.firstRange(of: SHA256.digest(secret)) != nil)
    }

    @Test(arguments: [("", [String]()), ("x", ["a\nb"]), ("x", [""]), ("x", Array(repeating: "n", count: 65))])
    func refusesKeysThatCannotBeKept(name: String, namespaces: [String]) {
        let code = RegistryError.code {
            _ = try APIKey.make(name: name, scope: .read, namespaces: namespaces, at: Timestamp(seconds: 0))
        }
        #expect(code == .invalidArgument)
    }

    @Test func comparesWholeTexts() {
        #expect(isEqualInConstantTime([1, 2, 3], [1, 2, 3]) && isEqualInConstantTime([], []))
        #expect(![[1, 2], [1, 2, 4], [0, 2, 3], [1, 2, 3, 4]].contains { isEqualInConstantTime([1, 2, 3], $0) })
    }

    // MARK: Audit

    @Test func theAuditLogKeepsOrderAndCutsLongTexts() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        for turn in 0..<5 {
            fixture.clock.advance(bySeconds: 1)
            try await registry.write {
                $0.audit(
                    actor: "key-\(turn)", action: "sandbox.stop", subject: String(repeating: "é", count: 600),
                    outcome: "ok")
            }
        }
        let entries = try await registry.audit(limit: 3)
        #expect(entries.map(\.actor) == ["key-4", "key-3", "key-2"])
        #expect(entries.allSatisfy { $0.subject == String(repeating: "é", count: 512) })
        let earlier = try await registry.audit(before: entries[2].time, limit: 3)
        #expect(earlier.map(\.actor) == ["key-1", "key-0"])
    }
}
