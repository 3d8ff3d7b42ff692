import CLinux
import GEM
import Glibc
import Synchronization
import Transport

/// The name servers of the machine, which are asked on sandboxes' behalf. For the loop's thread.
final class Upstream: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    private static let port: UInt16 = 53
    /// How long one server may take before the next is asked.
    private static let patience = Duration.seconds(2)
    /// Rounds through all servers.
    private static let rounds = 2
    /// Questions that wait at a time, each with a descriptor.
    private static let maximumQuestions = 256
    /// How long `/etc/resolv.conf` is believed.
    private static let validity = Duration.seconds(5)

    private let configured: [(IPv4, UInt16)]
    private let machine: Int32?
    private let loop: EventLoop
    private var waiting = 0
    private var found: ([(IPv4, UInt16)], until: ContinuousClock.Instant)?

    /// - Throws: ``Failure`` `invalidArgument` for a server that cannot be read.
    init(_ configuration: NetworkConfiguration, on loop: EventLoop) throws(Failure) {
        var servers: [(IPv4, UInt16)] = []
        for text in configuration.nameServers {
            guard let server = Self.server(text) else {
                throw Failure(
                    .invalidArgument, "\"\(text)\" is no name server: write an IPv4 address, perhaps with :port")
            }
            servers.append(server)
        }
        configured = servers
        machine = configuration.machine
        self.loop = loop
    }

    /// Asks one server after the other.
    ///
    /// - Parameters:
    ///   - question: Its number is replaced by one that cannot be guessed.
    ///   - byStream: By TCP from the beginning.
    /// - Returns: The first answer that is one, whatever it says, as it came, with what it says. By TCP where it would be
    ///   truncated otherwise.
    /// - Throws: ``ConnectionError/timedOut`` when nobody answers, ``SystemCallError`` without descriptors.
    func ask(_ question: NameQuestion, byStream: Bool = false) async throws -> (message: [UInt8], NameAnswer) {
        guard waiting < Self.maximumQuestions else { throw ConnectionError.timedOut }
        waiting += 1
        defer { waiting -= 1 }
        let servers = servers()
        for _ in 0..<Self.rounds {
            for server in servers {
                do {
                    if !byStream {
                        let answer = try await askByPacket(question, server)
                        if !answer.1.isTruncated { return answer }
                    }
                    return try await askByStream(question, server)
                } catch is CancellationError {
                    throw CancellationError()
                } catch {
                    continue  // the next may do better; whether any did is seen below
                }
            }
        }
        throw ConnectionError.timedOut
    }

    private func askByPacket(_ question: NameQuestion, _ server: (IPv4, UInt16)) async throws -> ([UInt8], NameAnswer) {
        // A socket of its own, so a port of its own: whoever wants to answer in the server's place has to guess both.
        let socket = try NetworkNamespace.socket(.datagram, in: machine)
        try InternetAddress.connect(socket.rawValue, server.0, server.1)
        let asked = question.renumbered(UInt16.random(in: 0...UInt16.max))
        let exchange = PacketExchange(socket, asked, on: loop)
        return try await exchange.run(until: loop.now + Self.patience)
    }

    private func askByStream(_ question: NameQuestion, _ server: (IPv4, UInt16)) async throws -> ([UInt8], NameAnswer) {
        let descriptor = try NetworkNamespace.socket(.stream, in: machine)
        try InternetAddress.connect(descriptor.rawValue, server.0, server.1)
        let socket = StreamSocket(descriptor, on: loop)
        try socket.watch()
        defer { socket.close() }
        let asked = question.renumbered(UInt16.random(in: 0...UInt16.max))
        let deadline = loop.now + Self.patience
        try await NameStream.send(asked.query(), over: socket, until: deadline)
        var stream = NameStream(socket)
        guard let message = try await stream.next(until: deadline), let answer = NameAnswer(message[...], to: asked)
        else {
            throw ConnectionError.closed
        }
        return (message, answer)
    }

    private func servers() -> [(IPv4, UInt16)] {
        if !configured.isEmpty { return configured }
        if let found, found.until > loop.now { return found.0 }
        let servers = Self.machineServers()
        found = (servers, loop.now + Self.validity)
        return servers
    }

    /// What `/etc/resolv.conf` names, at most three as everywhere. A local file of a few lines: not worth a thread.
    private static func machineServers() -> [(IPv4, UInt16)] {
        let lines = KernelFile.read("/etc/resolv.conf")?.split(separator: "\n") ?? []
        let servers = lines.compactMap { line -> (IPv4, UInt16)? in
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            return words.count >= 2 && words[0] == "nameserver" ? server(String(words[1])) : nil
        }
        return Array(servers.prefix(3))
    }

    /// Whom sandboxes' names would be asked of, for people.
    ///
    /// - Throws: ``Failure`` `infraFailed` when there is nobody.
    static func describe(_ configuration: NetworkConfiguration) throws(Failure) -> String {
        let servers = configuration.nameServers.isEmpty ? machineServers().map { "\($0.0)" } : configuration.nameServers
        guard !servers.isEmpty else { throw Failure(.infraFailed, "no name server with an IPv4 address is known") }
        return "names are asked of " + servers.joined(separator: ", ")
    }

    private static func server(_ text: String) -> (IPv4, UInt16)? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPv4($0) }) else { return nil }
        guard parts.count == 2 else { return (address, port) }
        return UInt16(parts[1]).map { (address, $0) }
    }
}

/// One question by UDP and the wait for its answer. For the loop's thread.
private final class PacketExchange: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.
    private let socket: OwnedDescriptor
    private let question: NameQuestion
    private let loop: EventLoop
    private var waiter: CheckedContinuation<([UInt8], NameAnswer), any Error>?

    init(_ socket: consuming OwnedDescriptor, _ question: NameQuestion, on loop: EventLoop) {
        self.socket = socket
        self.question = question
        self.loop = loop
    }

    func run(until deadline: ContinuousClock.Instant) async throws -> ([UInt8], NameAnswer) {
        let timer = loop.schedule(at: deadline) { [self] in end(.failure(ConnectionError.timedOut)) }
        defer { timer.cancel() }
        return try await withCheckedThrowingContinuation { continuation in
            waiter = continuation
            do throws(SystemCallError) {
                try loop.watch(socket.rawValue, for: .readable, handler: self)
                let query = question.query()
                let sent = rock_send(socket.rawValue, query, query.count)
                if sent < 0 { throw SystemCallError("send", "name server", errno: Int32(-sent)) }
            } catch {
                end(.failure(error))
            }
        }
    }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = rock_receive(descriptor, &buffer, buffer.count)
        if count == -Int(EAGAIN) { return }
        guard count >= 0 else {
            return end(.failure(SystemCallError("recv", "name server", errno: Int32(-count))))
        }
        // What answers something else is somebody's guess: the true answer may follow.
        guard let answer = NameAnswer(buffer[..<count], to: question) else { return }
        end(.success((Array(buffer[..<count]), answer)))
    }

    private func end(_ result: Result<([UInt8], NameAnswer), any Error>) {
        guard let waiter = waiter.take() else { return }
        loop.unwatch(socket.rawValue)
        waiter.resume(with: result)
    }
}
