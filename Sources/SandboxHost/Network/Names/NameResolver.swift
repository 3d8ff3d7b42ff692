import GEM
import Transport

/// Decides what a sandbox is told about a name. For the loop's thread.
final class NameResolver: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    /// How long sandboxes may remember an answer, at least and at most: shorter would cost a look-up for each connection,
    /// longer would keep addresses open that have changed hands.
    private static let lifetimes: ClosedRange<UInt32> = 30...3600
    /// An address stays open longer than it may be remembered: who connects at the last moment must not fail.
    private static let grace: UInt32 = 60
    private static let maximumRemembered = 2048

    private struct Remembered {
        let addresses: [IPv4]
        let until: ContinuousClock.Instant
    }

    private let upstream: Upstream
    private let loop: EventLoop
    private let forbidden: [IPv4Network]
    private let admit: NameServer.Admit
    private var remembered: [DomainName: Remembered] = [:]

    init(
        _ upstream: Upstream, on loop: EventLoop, forbidden: [IPv4Network], admit: @escaping NameServer.Admit
    ) {
        self.upstream = upstream
        self.loop = loop
        self.forbidden = forbidden
        self.admit = admit
    }

    /// The message that answers a question of a sandbox's.
    func answer(_ question: NameQuestion, _ client: NameClient, byStream: Bool) async -> [UInt8] {
        guard question.recordClass == NameQuestion.Kind.internet else { return question.answer(.notImplemented) }
        var ports: Set<UInt16?> = []
        if let list = client.list {
            ports = question.name.map { list.ports(for: $0) } ?? []
            guard !ports.isEmpty else {
                client.noteRefusal()
                return question.answer(.noSuchName)
            }
        }
        do {
            switch question.kind {
            case NameQuestion.Kind.address:
                guard let name = question.name else { return question.answer(.noSuchName) }
                return try await answer(question, name, client, ports)
            // Sandboxes have no IPv6, so nobody need be asked.
            case NameQuestion.Kind.ipv6Address: return question.answer(.found)
            // Records of other kinds may hold anything; the list names hosts to connect to.
            case _ where client.list != nil: return question.answer(.found)
            default: return try await forward(question, byStream: byStream)
            }
        } catch {
            return question.answer(.serverFailed)
        }
    }

    private func answer(
        _ question: NameQuestion, _ name: DomainName, _ client: NameClient, _ ports: Set<UInt16?>
    ) async throws -> [UInt8] {
        let known: Remembered
        if let found = remembered[name], found.until > loop.now {
            known = found
        } else {
            let (_, answer) = try await upstream.ask(NameQuestion(name, kind: NameQuestion.Kind.address, number: 0))
            guard answer.outcome == 0 else {
                return question.answer(NameQuestion.Outcome(rawValue: answer.outcome) ?? .serverFailed)
            }
            known = remember(name, answer)
        }
        let seconds = UInt32(clamping: (known.until - loop.now).components.seconds)
        let lifetime = max(1, min(seconds, Self.lifetimes.upperBound))
        if client.list != nil, !known.addresses.isEmpty {
            guard try await open(known.addresses, ports, lifetime, client) else {
                return question.answer(.serverFailed)
            }
        }
        return question.answer(.found, known.addresses, lifetime: lifetime)
    }

    /// Lets a sandbox reach addresses before it hears of them.
    ///
    /// - Returns: Whether it has room for them.
    private func open(
        _ addresses: [IPv4], _ ports: Set<UInt16?>, _ lifetime: UInt32, _ client: NameClient
    ) async throws -> Bool {
        let needed = loop.now + .seconds(Int(lifetime))
        let missing = addresses.filter { !client.hasAdmitted($0, ports, until: needed) }
        guard !missing.isEmpty else { return true }
        guard client.hasRoom(for: missing.count * ports.count, at: loop.now) else { return false }
        // From the time before the kernel is asked: it may keep them a little longer than is noted, never shorter.
        let until = loop.now + .seconds(Int(lifetime + Self.grace))
        try await admit(client.id, missing.map { ($0, ports) }, .seconds(Int(lifetime + Self.grace)))
        for address in missing { client.note(address, ports, until: until) }
        return true
    }

    private func remember(_ name: DomainName, _ answer: NameAnswer) -> Remembered {
        // Nobody gets there anyway, and whoever is told would wait for it.
        let addresses = answer.addresses.filter { address in !forbidden.contains { $0.contains(address) } }
        let lifetime = min(max(answer.lifetime, Self.lifetimes.lowerBound), Self.lifetimes.upperBound)
        let entry = Remembered(
            addresses: Array(addresses.prefix(NameQuestion.maximumAddresses)),
            until: loop.now + .seconds(addresses.isEmpty ? 1 : Int(lifetime)))
        if remembered.count >= Self.maximumRemembered {
            remembered = remembered.filter { $0.value.until > loop.now }
            if remembered.count >= Self.maximumRemembered { remembered = [:] }
        }
        remembered[name] = entry
        return entry
    }

    /// Passes on an answer of a kind that is not looked into.
    private func forward(_ question: NameQuestion, byStream: Bool) async throws -> [UInt8] {
        let (message, _) = try await upstream.ask(question, byStream: byStream)
        // More than a packet without extensions holds: by TCP the asker gets all of it.
        if !byStream, message.count > 512 { return question.answer(.found, isTruncated: true) }
        return question.number.networkBytes + message.dropFirst(2)
    }
}
