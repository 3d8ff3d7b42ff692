import Testing
import Transport

@testable import Admin

@Suite struct ProxyTargetTests {
    private static func target(_ tail: String, _ query: String = "", _ header: String? = nil) -> ProxyTarget? {
        try? ProxyTarget(tail: Array(tail.utf8), query: Array(query.utf8)[...], header: header, base: "/p")
    }

    @Test(
        arguments: [
            ("", "", nil, "8080 /"), ("a/b%20c", "x=1&y", nil, "8080 /a/b%20c?x=1&y"), ("port/99/a", "", nil, "99 /a"),
            ("port/99", "q", nil, "99 /?q"), ("port/99/", "", nil, "99 /"),
            ("a", "rock_target_port=7&b=2", nil, "7 /a?b=2"),
            ("a", "", "3000", "3000 /a"), ("ports/99/a", "", nil, "8080 /ports/99/a"), ("port/0/a", "", nil, nil),
            ("port/x", "", nil, nil),
            ("port/65536", "", nil, nil), ("port", "", nil, "8080 /port"), ("a", "", "+5", nil),
            ("port/9/a", "", "9", nil),
            ("a", "rock_target_port=7&rock_target_port=7", nil, nil), ("a", "rock_target_port=", nil, nil),
        ] as [(String, String, String?, String?)])
    func choosesOnePort(tail: String, query: String, header: String?, expected: String?) {
        #expect(Self.target(tail, query, header).map { "\($0.port) \($0.target)" } == expected)
    }

    @Test func locationsComeBackUnderTheProxysPath() throws {
        let target = try #require(Self.target("port/99/a"))
        for (inside, outside) in [
            ("/x", "/p/port/99/x"), ("http://127.0.0.1:99/x?y", "/p/port/99/x?y"),
            ("http://localhost:99", "/p/port/99/"),
            ("http://localhost:98/x", "http://localhost:98/x"), ("//h/x", "//h/x"), ("x", "x"),
            ("https://h/x", "https://h/x"),
        ] { #expect(target.outward(location: inside) == outside, "\(inside)") }
    }

    @Test(arguments: [("ws", "/"), ("ws/a", "/a"), ("wsx", nil), ("a/ws", nil)] as [(String, String?)])
    func olderClientsPutWsInFront(tail: String, older: String?) {
        #expect(Self.target(tail)?.older?.target == older)
    }

    @Test func keysOfThisDoorStayOutside() {
        let fields = [
            HTTPField("Authorization", "Bearer rock_x"), HTTPField("X-API-Key", "rock_x"), HTTPField("Accept", "a"),
            HTTPField("Connection", "close, X-Mine"), HTTPField("X-Mine", "1"), HTTPField("Host", "h"),
            HTTPField("Cookie", "c"),
        ]
        #expect(PassedHeaders.inward(fields).map(\.name) == ["Accept", "Cookie"])
        #expect(PassedHeaders.inward([HTTPField("Authorization", "Bearer abc")]).count == 1)
    }
}
