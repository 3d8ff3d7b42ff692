import CLinux
import GEM
import Glibc
import Transport

/// Answers the look-ups of sandboxes, on the machine's end of their networks: for names they may know, and with each
/// answer they may reach its addresses. For the loop's thread, unless it says otherwise.
///
/// What is not allowed does not exist, and nobody is asked about it: a look-up is no way out either. A sandbox is known by
/// its address, which the packet filter vouches for.
final class NameServer: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    /// Lets a sandbox reach addresses for a time; returns when the kernel does.
    typealias Admit = @Sendable (SandboxID, [(IPv4, Set<UInt16?>)], Duration) async throws -> Void

    static let port: UInt16 = 53
    /// Packets that one event takes: others wait too.
    private static let packetsPerEvent = 64

    private let loop: EventLoop
    private let machine: Int32?
    private let resolver: NameResolver
    private var packets: Int32 = -1
    private var streams: NameStreamListener?
    private var clients: [IPv4: NameClient] = [:]

    /// - Throws: ``Failure`` `invalidArgument` for a name server that cannot be read.
    init(
        _ configuration: NetworkConfiguration, on loop: EventLoop, forbidden: [IPv4Network], admit: @escaping Admit
    ) throws(Failure) {
        self.loop = loop
        machine = configuration.machine
        resolver = NameResolver(
            try Upstream(configuration, on: loop), on: loop, forbidden: forbidden, admit: admit)
    }

    /// Begins to answer at `gateway`, which need not be an address of any interface yet. Does nothing the second time.
    ///
    /// - Throws: ``SystemCallError``: `EADDRINUSE` when somebody answers there.
    func start(at gateway: IPv4) throws(SystemCallError) {
        guard packets < 0 else { return }
        let socket = try NetworkNamespace.socket(.datagram, in: machine)
        try SystemCallError.check(rock_socket_bind_early(socket.rawValue), "setsockopt(IP_FREEBIND)")
        try InternetAddress.bind(socket.rawValue, gateway, Self.port)
        let listener = try NameStreamListener(gateway, machine: machine, on: loop) { [weak self] in
            self?.clients[$0]
        } answer: { [resolver] in
            await resolver.answer($0, $1, byStream: true)
        }
        try loop.watch(socket.rawValue, for: .readable, handler: self)
        packets = socket.release()
        streams = listener
    }

    /// Answers nothing more.
    func stop() {
        guard packets >= 0 else { return }
        loop.unwatch(packets)
        _ = close(packets)
        packets = -1
        streams?.stop()
        streams = nil
    }

    /// Answers a sandbox from now on.
    func add(_ client: NameClient) { clients[client.address] = client }
    func remove(_ address: IPv4) { clients[address] = nil }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        for _ in 0..<Self.packetsPerEvent {
            guard packets >= 0 else { return }
            // Queries are short; what is longer is cut and will not be read.
            var buffer = [UInt8](repeating: 0, count: 600)
            var count = 0
            let sender = InternetAddress.endpoint { address, length in
                count = recvfrom(descriptor, &buffer, buffer.count, 0, address, length)
                return Int32(truncatingIfNeeded: count)
            }
            // An error means that there is nothing more; the event comes back if that is wrong.
            if count < 0 { return }
            guard let sender, let client = clients[sender.0], let question = NameQuestion(query: buffer[..<count]),
                client.begin()
            else { continue }
            Task(executorPreference: loop) { [self] in
                let answer = await resolver.answer(question, client, byStream: false)
                client.end()
                send(answer, to: sender)
            }
        }
    }

    private func send(_ answer: [UInt8], to sender: (IPv4, UInt16)) {
        guard packets >= 0 else { return }
        // Lost answers are asked for again: by the rules of UDP nobody can wait for room.
        _ = InternetAddress.withForm(sender.0, sender.1) { sendto(packets, answer, answer.count, 0, $0, $1) }
    }
}

/// One sandbox that looks names up. For the loop's thread.
final class NameClient: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    /// Look-ups that one sandbox may have under way; more get no answer, and are asked again.
    private static let maximumQuestions = 64
    /// Addresses of names that one sandbox may reach at a time.
    private static let maximumAddresses = 4096

    /// An address for a port or, `nil`, for all.
    struct Admission: Hashable {
        let address: IPv4
        let port: UInt16?
    }

    let id: SandboxID
    let address: IPv4
    /// What it may look up; `nil` for everything.
    let list: AllowList?
    private(set) var refusedNames: Int64 = 0
    private var questions = 0
    private var admitted: [Admission: ContinuousClock.Instant] = [:]

    init(_ id: SandboxID, _ address: IPv4, _ list: AllowList?) {
        self.id = id
        self.address = address
        self.list = list
    }

    /// Whether there is room for one more question, which is taken.
    func begin() -> Bool {
        guard questions < Self.maximumQuestions else { return false }
        questions += 1
        return true
    }

    func end() { questions -= 1 }
    func noteRefusal() { refusedNames += 1 }

    /// Whether it may reach an address for these ports until then already.
    func hasAdmitted(_ address: IPv4, _ ports: Set<UInt16?>, until time: ContinuousClock.Instant) -> Bool {
        ports.allSatisfy { admitted[Admission(address: address, port: $0)].map { $0 >= time } ?? false }
    }

    /// Whether there is room for more addresses.
    func hasRoom(for count: Int, at now: ContinuousClock.Instant) -> Bool {
        if admitted.count + count > Self.maximumAddresses { admitted = admitted.filter { $0.value > now } }
        return admitted.count + count <= Self.maximumAddresses
    }

    func note(_ address: IPv4, _ ports: Set<UInt16?>, until time: ContinuousClock.Instant) {
        for port in ports { admitted[Admission(address: address, port: port)] = time }
    }
}
