import GEM
import Registry
import Testing
import Transport

@testable import Admin

@Suite struct AccessTests {
    private static let home = SocketAddress.ipv4(0x7F00_0001, port: 1)
    private static let elsewhere = SocketAddress.ipv4(0x0A00_0001, port: 1)

    @Test(
        arguments: [
            (APIScope.admin, [APIScope.admin, .user, .read]), (.user, [.user, .read]), (.read, [.read]),
        ])
    func aScopeHoldsThoseBelow(scope: APIScope, allowed: [APIScope]) {
        let caller = Caller(name: "x", scope: scope)
        #expect(APIScope.allCases.filter(caller.may) == APIScope.allCases.filter(allowed.contains))
    }

    @Test func aKeySeesItsNamespacesAndNoOthers() {
        let caller = Caller(name: "x", scope: .user, namespaces: ["a", "b"])
        #expect(caller.sees("a") && !caller.sees("c") && !caller.sees("") && Caller.local.sees("c"))
    }

    @Test(
        arguments: [
            ("127.0.0.1", false), ("127.9.9.9", false), ("localhost", false), ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("0.0.0.0", true), ("::", true), ("10.0.0.1", true), ("fe80::1", true), ("example", true),
        ])
    func keysAreAskedForBeyondLoopback(host: String, isRequired: Bool) {
        #expect(KeyRequirement.automatic.holds(for: host) == isRequired)
        #expect(KeyRequirement.always.holds(for: host) && !KeyRequirement.never.holds(for: host))
    }

    @Test func withoutAKeyTheDoorIsOpenOrShut() throws {
        #expect(try Access.open.caller(showing: nil, from: Self.home) == .anyone)
        // A bearer's token for somebody else.
        #expect(try Access.open.caller(showing: "sk-abc", from: Self.home) == .anyone)
        let shut = Access(keys: nil, isKeyRequired: true)
        for token in [nil, "", "sk-abc", "rock_", "rock_00000000_" + String(repeating: "0", count: 64)] {
            #expect(throws: Access.Refusal.self) { try shut.caller(showing: token, from: Self.home) }
        }
    }

    @Test func guessingIsSlowedDownForOneAddressOnly() throws {
        let limit = FailureLimit(burst: 3, perSecond: 0.5)
        let access = Access(keys: nil, isKeyRequired: true, failures: limit)
        let start = ContinuousClock.now
        func kind(_ address: SocketAddress, after seconds: Int) -> (Failure.Kind, Int?) {
            do throws(Access.Refusal) {
                _ = try access.caller(showing: "rock_x", from: address, at: start + .seconds(seconds))
                return (.internalError, nil)
            } catch {
                return (error.failure.kind, error.retryAfter)
            }
        }
        for _ in 0..<3 { #expect(kind(Self.elsewhere, after: 0) == (.unauthorized, nil)) }
        #expect(kind(Self.elsewhere, after: 0) == (.overloaded, 2))
        #expect(kind(Self.home, after: 0).0 == .unauthorized)
        #expect(kind(Self.elsewhere, after: 1) == (.overloaded, 1))
        #expect(kind(Self.elsewhere, after: 2).0 == .unauthorized)
        #expect(kind(Self.elsewhere, after: 2).0 == .overloaded)
    }

    @Test func aFloodOfAddressesFillsNoMemoryAndFreesNobodyWhoJustFailed() {
        let limit = FailureLimit(burst: 1, perSecond: 0.001, capacity: 100)
        let start = ContinuousClock.now
        for number in 0..<1000 {
            let address = SocketAddress.ipv4(UInt32(number), port: 1)
            limit.fail(address, at: start + .milliseconds(number))
            #expect(limit.wait(address, at: start + .milliseconds(number)) != nil)
        }
        #expect(limit.count == 100)
    }
}
