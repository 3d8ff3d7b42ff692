import CImages
import CLinux
import GEM
import Glibc
import Transport

/// One HTTP exchange, carried by curl: it has TLS, proxies and certificates as the system is set up for.
///
/// Everything reaches curl through its standard input, so that no secret shows in a list of processes.
struct Transfer {
    var method = "GET"
    var url: String
    /// Header lines.
    var headers: [String] = []
    var login: RegistryLogin?
    /// A file to send.
    var upload: String?
    /// Whether only TLS will do, here and wherever it is redirected to.
    var isSecure: Bool

    /// What came back in front of the body.
    struct Answer {
        let status: Int
        /// By lower-case name; the last of several lines of one name.
        let headers: [String: String]
        /// What the server says about a refusal, with a colon in front; empty where it says nothing.
        var complaint = ""
    }

    init(_ url: String, isSecure: Bool) {
        self.url = url
        self.isSecure = isSecure
    }

    /// Sends it, and hands the body on in pieces.
    ///
    /// - Parameters:
    ///   - isCancelled: Looked at with every piece.
    ///   - take: Gets the answer and a piece of the body.
    /// - Returns: The answer, whatever its status.
    /// - Throws: ``Failure`` where the server cannot be reached or breaks off, and what `take` throws.
    func run(
        isCancelled: () -> Bool = { false }, take: (Answer, UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) -> Answer {
        let settings = OwnedDescriptor(try Failure.check(rock_image_memory_file("curl"), "memfd_create", "curl"))
        try Files.write(Array(try configuration().utf8), to: settings, "curl's settings")
        guard lseek(settings.rawValue, 0, SEEK_SET) == 0 else { throw Failure("lseek", "curl's settings", errno) }
        var ends: [Int32] = [-1, -1]
        try Failure.check(rock_pipe(&ends, 0), "pipe", url)
        let output = OwnedDescriptor(ends[0])
        let program: Program
        do {
            let input = OwnedDescriptor(ends[1])
            program = try Program(
                ["curl", "--disable", "--config", "-"], input: settings.rawValue, output: input.rawValue)
        }
        var head = HeadReader()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = read(output.rawValue, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure("read", url, errno) }
            if count == 0 { break }
            guard !isCancelled() else { throw Failure(.infraFailed, "It was cancelled.") }
            var piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            while head.answer == nil, let first = piece.first {
                try head.take(first, follows: method == "GET")
                piece = UnsafeRawBufferPointer(rebasing: piece.dropFirst())
            }
            if let answer = head.answer, !piece.isEmpty { try take(answer, piece) }
        }
        let (status, complaint) = program.wait()
        guard status == 0, let answer = head.answer else {
            throw Failure(
                .infraFailed, complaint.isEmpty ? "curl failed with status \(status) at \(url)." : complaint + ".")
        }
        return answer
    }

    /// Sends it and reads a body of at most `limit` bytes.
    func document(limit: Int) throws(Failure) -> (Answer, [UInt8]) {
        var body: [UInt8] = []
        let answer = try run { (_: Answer, piece: UnsafeRawBufferPointer) throws(Failure) in
            guard body.count + piece.count <= limit else {
                throw Failure(.tooLarge, "\(url) answers with more than \(limit) bytes.")
            }
            body += piece
        }
        return (answer, body)
    }

    /// The lines that tell curl what to do.
    private func configuration() throws(Failure) -> String {
        let schemes = isSecure ? "=https" : "=http,https"
        var lines = [
            "url = \(try quoted(url))", "silent", "show-error", "include", "globoff", "suppress-connect-headers",
            "proto = \"\(schemes)\"", "proto-redir = \"\(schemes)\"", "max-redirs = 5", "connect-timeout = 20",
            "speed-limit = 1", "speed-time = 60", "user-agent = \"rock\"",
        ]
        switch method {
        case "GET": lines.append("location")
        case "HEAD": lines.append("head")
        default: lines.append("request = \(try quoted(method))")
        }
        for header in headers { lines.append("header = \(try quoted(header))") }
        if let login { lines += ["basic", "user = \(try quoted("\(login.username):\(login.password)"))"] }
        if let upload {
            lines += ["upload-file = \(try quoted(upload))", "header = \"Expect:\""]
        } else if method == "POST" {
            lines.append("header = \"Content-Length: 0\"")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func quoted(_ text: String) throws(Failure) -> String {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw Failure(.invalidArgument, "A control character stands in an address, a user name or a password.")
        }
        return "\"" + text.flatMap { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" } + "\""
    }
}

/// Reads the heads that curl writes in front of a body: one for each redirection, then that of the answer.
private struct HeadReader {
    private var line: [UInt8] = []
    private var status: Int?
    private var headers: [String: String] = [:]
    private var count = 0
    private(set) var answer: Transfer.Answer?

    /// Takes the next byte. With `follows`, a redirection is not the answer yet.
    mutating func take(_ byte: UInt8, follows: Bool) throws(Failure) {
        count += 1
        guard count <= 1 << 18 else { throw Failure(.tooLarge, "A registry's answer has a head of more than 256 KiB.") }
        guard byte == 0x0A else { return line.append(byte) }
        if line.last == 0x0D { line.removeLast() }
        let text = String(decoding: line, as: UTF8.self)
        line = []
        if text.isEmpty {
            guard let status else { return }
            self.status = nil
            let isOnTheWay = 100..<200 ~= status || (follows && 300..<400 ~= status && headers["location"] != nil)
            if !isOnTheWay { answer = Transfer.Answer(status: status, headers: headers) }
            headers = [:]
        } else if status == nil {
            let words = text.split(separator: " ")
            guard text.hasPrefix("HTTP/"), words.count >= 2, let number = Int(words[1]) else {
                throw Failure(.infraFailed, "A registry's answer is no HTTP: \(text.prefix(80)).")
            }
            status = number
        } else if let colon = text.firstIndex(of: ":") {
            let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers[text[..<colon].lowercased()] = String(value)
        }
    }
}
