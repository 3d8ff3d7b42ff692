import CLinux
import GEM
import Glibc
import Transport

/// A bare HTTP connection that sends prepared bytes and looks at answers no closer than it must: what is measured should be
/// the server. Blocks.
final class BenchConnection {
    private let socket: OwnedDescriptor
    private let head: String
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)
    private var filled = 0

    var descriptor: Int32 { socket.rawValue }

    /// - Parameters:
    ///   - place: The server.
    ///   - key: The API key, where it wants one.
    /// - Throws: ``CommandError`` where nobody listens at `place`.
    init(_ place: HTTPPlace, key: String? = nil) throws {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(place.host, String(place.port), &hints, &list) == 0, let address = list?.pointee else {
            throw CommandError(.unreachable, "no address is known for the host '\(place.host)'")
        }
        defer { freeaddrinfo(list) }
        let opened = Glibc.socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        let socket = OwnedDescriptor(try SystemCallError.check(opened, "socket"))
        guard connect(socket.rawValue, address.ai_addr, address.ai_addrlen) == 0 else {
            throw CommandError(
                .unreachable, "no server answers at \(place.authority): \(String(cString: strerror(errno)))")
        }
        var on: Int32 = 1
        setsockopt(socket.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        self.socket = socket
        head =
            "POST \(place.path)/rpc HTTP/1.1\r\nHost: \(place.authority)\r\nContent-Type: application/json\r\n"
            + (key.map { "X-API-Key: \($0)\r\n" } ?? "")
            + "Content-Length: "
    }

    /// The bytes of a call, ready to be sent any number of times.
    func prepare(_ method: String, _ params: JSON) -> [UInt8] {
        let message: JSON = ["jsonrpc": "2.0", "id": 1, "method": .string(method), "params": params]
        let body = message.serialized
        return Array("\(head)\(body.count)\r\n\r\n".utf8) + body
    }

    /// Sends a prepared call.
    func send(_ request: [UInt8]) throws {
        var sent = 0
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes { rock_send(socket.rawValue, $0.baseAddress, $0.count) }
            sent += try SystemCallError.check(count, "send")
        }
    }

    /// Waits for the whole answer to a prepared call.
    ///
    /// - Returns: How many bytes of JSON it has.
    func receive() throws -> Int {
        while true {
            if let answer = try answer() { return answer.count }
            try fill()
        }
    }

    /// Takes what has arrived; the length of the answer's JSON once it is whole.
    func receiveSome() throws -> Int? {
        try fill()
        return try answer()?.count
    }

    /// Whether the last whole answer's JSON contains `text`.
    func lastAnswer(contains text: StaticString) -> Bool {
        buffer.withUnsafeBytes { bytes in
            Self.find(text, in: UnsafeRawBufferPointer(rebasing: bytes[..<last])) != nil
        }
    }

    /// Makes a prepared call and reads its result.
    ///
    /// - Throws: ``CommandError`` for an error in the answer.
    func call(_ request: [UInt8]) throws -> JSON {
        try send(request)
        return try result()
    }

    /// The result of a prepared call that was sent.
    ///
    /// - Throws: ``CommandError`` for an error in the answer.
    func result() throws -> JSON {
        while true {
            if let answer = try answer() {
                let json = try JSON(parsing: buffer[answer].span)
                if let error = json["error"], let failure = Failure(error) { throw CommandError(failure) }
                return json["result"] ?? .null
            }
            try fill()
        }
    }

    // MARK: Answers

    /// The end of the last whole answer in the buffer, which the next one overwrites.
    private var last = 0

    private func fill() throws {
        if filled == buffer.count { buffer += [UInt8](repeating: 0, count: buffer.count) }
        let count = buffer[filled...].withUnsafeMutableBytes {
            rock_receive(socket.rawValue, $0.baseAddress, $0.count)
        }
        guard try SystemCallError.check(count, "recv") > 0 else {
            throw CommandError(.unreachable, "the server has closed the connection")
        }
        filled += count
    }

    /// Where the JSON of the answer is, once it is whole; the buffer is then free for the next.
    private func answer() throws -> Range<Int>? {
        let found: (head: Int, length: Int)? = try buffer.withUnsafeBytes { bytes in
            let arrived = UnsafeRawBufferPointer(rebasing: bytes[..<filled])
            guard let end = Self.find("\r\n\r\n", in: arrived) else { return nil }
            let head = UnsafeRawBufferPointer(rebasing: arrived[..<(end + 4)])
            guard head.starts(with: "HTTP/1.1 200".utf8), let length = Self.length(in: head) else {
                throw CommandError(.failure, "an answer is not what a Rock server sends")
            }
            return (head.count, length)
        }
        guard let found, filled >= found.head + found.length else { return nil }
        last = found.head + found.length
        filled = 0
        return found.head..<last
    }

    /// The number behind `Content-Length:`.
    private static func length(in head: UnsafeRawBufferPointer) -> Int? {
        guard let field = find("ontent-Length: ", in: head) ?? find("ontent-length: ", in: head) else { return nil }
        var number = 0
        for byte in head[(field + 15)...] {
            guard 0x30...0x39 ~= byte else { break }
            number = number * 10 + Int(byte - 0x30)
        }
        return number
    }

    /// Where `text` begins in `bytes`. Its first character should be a rare one.
    private static func find(_ text: StaticString, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let start = bytes.baseAddress else { return nil }
        var offset = 0
        while bytes.count - offset >= text.utf8CodeUnitCount,
            let found = memchr(start + offset, Int32(text.utf8Start.pointee), bytes.count - offset)
        {
            let place = start.distance(to: UnsafeRawPointer(found))
            guard bytes.count - place >= text.utf8CodeUnitCount else { return nil }
            if memcmp(found, text.utf8Start, text.utf8CodeUnitCount) == 0 { return place }
            offset = place + 1
        }
        return nil
    }
}
