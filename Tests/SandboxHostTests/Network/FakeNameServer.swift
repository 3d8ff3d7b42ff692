import Glibc
import Synchronization
import Testing
import Transport

@testable import SandboxHost

/// A name server of the fake internet, which knows a few names and writes down which it was asked for.
final class FakeNameServer: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the socket is constant, the record has a lock.
    static let aliases = ["allowed.example": "edge.example"]
    static let addresses = [
        "allowed.example": "203.0.113.10", "deep.wild.example": "198.51.100.7",
        "rebound.wild.example": "169.254.169.254",
        "big.wild.example": "203.0.113.11",
    ]

    let asked = Record<String>()
    private let loop: EventLoop
    private let packets: OwnedDescriptor
    private let listener: InternetListener

    init(_ world: FakeInternet, on loop: EventLoop) async throws {
        self.loop = loop
        let address = try #require(IPv4("203.0.113.53"))
        packets = try NetworkNamespace.socket(.datagram, in: world.internet.descriptor)
        try InternetAddress.bind(packets.rawValue, address, 53)
        listener = try InternetListener(address, 53, machine: world.internet.descriptor, on: loop)
        try await loop.hop { [self] in
            try loop.watch(packets.rawValue, for: .readable, handler: self)
            try listener.start { [self] socket, _ in
                Task(executorPreference: loop) { try await self.converse(socket) }
            }
        }
    }

    func stop() async throws {
        try await loop.hop { [self] in
            loop.unwatch(packets.rawValue)
            listener.stop()
        }
    }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        var buffer = [UInt8](repeating: 0, count: 600)
        var count = 0
        let sender = InternetAddress.endpoint {
            count = recvfrom(descriptor, &buffer, buffer.count, 0, $0, $1)
            return Int32(count)
        }
        guard let sender, let question = NameQuestion(query: buffer[..<count]) else { return }
        // What is no answer to this question must be passed over.
        let answers = [question.renumbered(question.number &+ 1).answer(.found, [IPv4(1)]), answer(question, true)]
        for answer in answers {
            _ = InternetAddress.withForm(sender.0, sender.1) { sendto(descriptor, answer, answer.count, 0, $0, $1) }
        }
    }

    private func converse(_ socket: StreamSocket) async throws {
        try socket.watch()
        var stream = NameStream(socket)
        let deadline = ContinuousClock.now + .seconds(10)
        while let message = try await stream.next(until: deadline), let question = NameQuestion(query: message[...]) {
            try await NameStream.send(answer(question, false), over: socket, until: deadline)
        }
        socket.close()
    }

    private func answer(_ question: NameQuestion, _ byPacket: Bool) -> [UInt8] {
        let name = question.name?.text ?? "?"
        asked.add(name + (byPacket ? "" : " by stream"))
        if byPacket, name.hasPrefix("big.") { return question.answer(.found, isTruncated: true) }
        guard let address = Self.addresses[name].flatMap({ IPv4($0) }) else { return question.answer(.noSuchName) }
        guard let alias = Self.aliases[name].flatMap({ DomainName($0) }) else {
            return question.answer(.found, [address], lifetime: 300)
        }
        // An alias, then the address of what it leads to, and one of a stranger.
        let target = NameQuestion(alias, kind: 1, number: 0).bytes.dropLast(4)
        let stranger: [UInt8] = [1, 0x78, 0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 9, 9, 9, 9]
        let aliasRecord: [UInt8] = [0xC0, 12, 0, 5, 0, 1, 0, 0, 1, 0]
        let addressRecord: [UInt8] = [0, 1, 0, 1, 0, 0, 1, 0, 0, 4]
        var message = question.answer(.found)
        message[7] = 3
        for part in [aliasRecord, UInt16(target.count).networkBytes, Array(target), Array(target), addressRecord] {
            message += part
        }
        message += address.bytes
        message += stranger
        return message
    }
}

extension Namespace {
    /// Looks a name up as a program in here would.
    func lookUp(_ name: String, kind: UInt16 = 1, at server: String) throws -> NameAnswer? {
        let question = NameQuestion(try #require(DomainName(name)), kind: kind, number: 4711)
        let socket = try socket(.datagram)
        try InternetAddress.connect(socket.rawValue, try #require(IPv4(server)), 53)
        let query = question.query()
        send(socket.rawValue, query, query.count, 0)
        var poll = pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, 10_000) == 1 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 600)
        let count = recv(socket.rawValue, &buffer, buffer.count, 0)
        return count > 0 ? NameAnswer(buffer[..<count], to: question) : nil
    }
}

extension NetworkAttachment {
    var nameServer: String { String(resolverConfiguration.split(separator: "\n")[0].split(separator: " ")[1]) }
}
