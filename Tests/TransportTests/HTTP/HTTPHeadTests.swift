import Testing

@testable import Transport

/// What a reader of heads says about bytes that come in `pieces`.
private enum Verdict: Equatable {
    case accepted(String)
    case refused(UInt16)
    case incomplete
}

private func read(_ pieces: [ArraySlice<UInt8>], _ limits: HTTPHeadLimits = HTTPHeadLimits()) -> Verdict {
    var scanner = HTTPHeadScanner()
    var input: [UInt8] = []
    do throws(HTTPError) {
        for piece in pieces {
            input += piece
            guard let length = try scanner.scan(input.span, limits) else { continue }
            var head = HTTPRequestHead()
            try head.parse(input.span.extracting(..<length), limits)
            let fields = head.headers.fields.map { "\($0.name)=\($0.value)" }.joined(separator: "|")
            let body = head.framing.isChunked ? "chunked" : head.framing.length.map(String.init) ?? "-"
            return .accepted(
                "\(head.headers.text(head.method)) \(head.headers.text(head.target)) \(head.minorVersion) "
                    + "\(body) \(head.keepsAlive ? "keep" : "close") \(fields)")
        }
        return .incomplete
    } catch {
        return .refused(error.status.rawValue)
    }
}

@Suite struct HTTPHeadTests {
    static let accepted: [(String, String)] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1 - keep Host=a"),
        ("GET /a?b HTTP/1.0\r\n\r\n", "GET /a?b 0 - close "),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 0 - keep Connection=Keep-Alive"),
        ("GET / HTTP/1.1\r\nHost:a\r\nConnection: x, Close\r\n\r\n", "GET / 1 - close Host=a|Connection=x, Close"),
        (
            "POST / HTTP/1.1\r\nHost: a:80\r\nContent-Length: 007\r\n\r\n",
            "POST / 1 7 keep Host=a:80|Content-Length=007"
        ),
        (
            "POST / HTTP/1.1\r\nHost: [::1]\r\ntransfer-encoding: Chunked\r\n\r\n",
            "POST / 1 chunked keep Host=[::1]|transfer-encoding=Chunked"
        ),
        ("M-SEARCH * HTTP/1.1\r\nHost:\r\n\r\n", "M-SEARCH * 1 - keep Host="),
        ("GET http://h/p HTTP/1.1\r\nHost: h\r\nX:  \t v w \t\r\n\r\n", "GET http://h/p 1 - keep Host=h|X=v w"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{E9}\r\n\r\n", "GET / 1 - keep Host=a|X=\u{E9}"),
    ]

    static let refused: [(String, UInt16)] = [
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / \r\nHost: a\r\n\r\n", 400),
        ("GET /\r\n\r\n", 400),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\u{E9} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n folded: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n: v\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{7F}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a, b c\r\n\r\n", 400),
        ("GET / HTTQ/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.12\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{0B}chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: the worst\r\n\r\n", 417),
        ("GET /\(String(repeating: "a", count: 8200)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET /\(String(repeating: "a", count: 9000))", 414),
        ("GET / HTTP/1.1\r\n\(String(repeating: "X: y\r\n", count: 101))Host: a\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 33_000))\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 33_000))", 431),
        ("\u{16}\u{3}\u{1}", 400),
    ]

    @Test(arguments: accepted) func accepts(_ text: String, _ result: String) {
        #expect(read([[UInt8](text)[...]]) == .accepted(result))
    }

    @Test(arguments: refused) func refuses(_ text: String, _ status: UInt16) {
        #expect(read([[UInt8](text)[...]]) == .refused(status))
    }

    @Test func splittingChangesNothing() {
        for text in Self.accepted.map(\.0) + Self.refused.map(\.0) where text.utf8.count < 500 {
            let whole = read([[UInt8](text)[...]])
            let strays = [UInt8](text).splits.filter { read($0) != whole }
            #expect(strays.isEmpty, "\(text)")
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>) func mutationsNeverTrapAndSplitAlike(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alphabet = [UInt8]("\r\n \t:;,HTP/1.0\u{0}\u{7F}a%?#\u{FF}")
        var differing: [[UInt8]] = []
        for _ in 0..<4000 {
            let (text, _) = Self.accepted.randomElement(using: &generator) ?? ("", "")
            let bytes = [UInt8](text).mutated(&generator, alphabet: alphabet)
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            if read([bytes[...]]) != read([bytes[..<cut], bytes[cut...]]) { differing.append(bytes) }
        }
        #expect(differing.isEmpty)
    }

    @Test(
        arguments: [
            ("/a%20b?x=1", "/a b"), ("/%C3%A9", "/é"), ("http://h:1/p?q", "/p"), ("http://h", "/"), ("*", "*"),
            ("/a+b", "/a+b"), ("/%00", nil), ("/%zz", nil), ("/%4", nil), ("/%FF", nil), ("h:80", nil),
        ] as [(String, String?)])
    func decodesPaths(_ target: String, _ path: String?) {
        #expect(HTTPTarget.path([UInt8](target)[...]) == path)
    }

    @Test func decodesQueries() {
        let items = HTTPTarget.query([UInt8]("/p?a=1&b=x%20y+z&&c&d=%zz&=e&a=2=3")[...])
        #expect(
            items.map { "\($0.name)|\($0.value)" } == ["a|1", "b|x y z", "c|", "d|%zz", "|e", "a|2=3"])
    }

    @Test func datesAreWrittenAsTheStandardSays() {
        #expect(HTTPDate.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }
}
