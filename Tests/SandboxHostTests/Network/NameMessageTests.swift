import GEM
import Testing

@testable import SandboxHost

/// DNS messages and allow-lists of anybody's, without packets.
@Suite struct NameMessageTests {
    private static let name = DomainName("a.example.org")

    @Test func readsWhatItWrites() throws {
        let question = NameQuestion(try #require(Self.name), kind: 1, number: 7)
        #expect(NameQuestion(query: question.query()[...]) == question)
        let addresses = (1...20).map { IPv4(UInt32($0)) }
        let message = question.answer(.found, addresses, lifetime: 90)
        let answer = try #require(NameAnswer(message[...], to: question))
        #expect(answer.addresses == Array(addresses.prefix(NameQuestion.maximumAddresses)))
        #expect(answer.lifetime == 90)
        #expect(message.count <= 512)
        #expect(NameAnswer(message[...], to: question.renumbered(8)) == nil)
        let other = NameQuestion(try #require(DomainName("b.example.org")), kind: 1, number: 7)
        #expect(NameAnswer(message[...], to: other) == nil)
    }

    @Test func survivesWhatAnybodySends() throws {
        let question = NameQuestion(try #require(Self.name), kind: 1, number: 7)
        let header: [UInt8] = [0, 7, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0]
        let hostile: [[UInt8]] = [
            [], [0], header, Array(header.dropLast()), header + [0xC0, 12, 0, 1, 0, 1], header + [0xC0], header + [63],
            header + [0xC0, 0xFF, 0, 1, 0, 1], header + [0x80, 0, 0, 1], header + question.bytes,
            // A name that points at itself, and data that is longer than the message.
            header + question.bytes + [0xC0, 31, 0, 5, 0, 1, 0, 0, 0, 1, 0, 2, 0xC0, 31],
            header + question.bytes + [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0xFF, 0xFF, 1],
        ]
        for message in hostile {
            #expect(NameAnswer(message[...], to: question) == nil, "\(message)")
            #expect(NameQuestion(query: message[...]) == nil, "\(message)")
        }
        // Seeded, so that a failure comes again.
        var generator = LinearGenerator(state: 42)
        let valid = question.answer(.found, [IPv4(1), IPv4(2)], lifetime: 5)
        var readable = 0
        for _ in 0..<20_000 {
            var message = valid
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                message[Int.random(in: message.indices, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            message.removeLast(Int.random(in: 0...message.count, using: &generator) / 8)
            if NameAnswer(message[...], to: question) != nil { readable += 1 }
            _ = NameQuestion(query: message[...])
        }
        #expect(readable > 0)
    }

    @Test(arguments: [
        ("pypi.org", true), ("*.pythonhosted.org:443", true), ("192.0.2.1", true), ("192.0.2.0/24:80", true),
        ("PyPI.org.", true), ("localhost", true), ("", false), ("https://pypi.org", false), ("*", false), ("*.", false),
        ("pypi.org:0", false), ("pypi.org:65536", false), ("pypi.org:+80", false), ("192.0.2.256", false),
        ("192.0.2.0/33", false), ("010.0.0.1", false), ("0x7f.1", false), ("a b", false), ("[::1]:80", false),
        ("2001:db8::1", false), ("a..b", false), ("127.0.0.1", false), ("169.254.169.254:80", false),
        ("10.200.0.0/16", true), ("0.0.0.0/0", true), ("192.0.2.1/24/8", false),
    ]) func readsAllowLists(_ entry: String, isValid: Bool) {
        let list = Result { () throws(Failure) in
            try AllowList([entry], limit: 1, forbidden: ForbiddenNetworks.always)
        }
        switch list {
        case .success: #expect(isValid, "\(entry)")
        case .failure(let failure):
            #expect(
                !isValid && failure.kind == .invalidArgument && failure.message.contains(entry), "\(entry): \(failure)")
        }
    }

    private struct LinearGenerator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }
}
