import GEM
import Testing

@testable import ModelService

struct ScrubberTests {
    private let secret = Array("sk-12345".utf8)

    @Test(arguments: [
        (["nothing here"], "nothing here"), (["a sk-12345 b sk-12345"], "a ******** b ********"),
        (["a sk-1", "2345 b"], "a ******** b"), (["s", "k", "-", "1", "2", "3", "4", "5"], "********"),
        (["sk-1", "x"], "sk-1x"), (["sk-sk-12", "345"], "sk-********"), (["sk-1234"], "sk-1234"), ([""], ""),
    ])
    func takesTheSecretOut(_ pieces: [String], _ expected: String) {
        var scrubber = Scrubber(secret)
        var out = pieces.flatMap { scrubber.scrub(Array($0.utf8)) }
        out += scrubber.finish()
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }

    @Test func letsEverythingThroughWithoutASecret() {
        var scrubber = Scrubber([])
        #expect(scrubber.scrub([1, 2]) == [1, 2])
    }
}

struct StreamedAnswerTests {
    /// Whatever the pieces' lengths, the whole is the same.
    @Test(arguments: [1, 2, 7, 4096])
    func putsChunksTogether(_ length: Int) throws {
        let events = [
            #"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            #"{"id":"c","choices":[{"index":0,"delta":{"content":"he"},"logprobs":{"content":[{"token":"he"}]}}]}"#,
            #"{"id":"c","choices":[{"index":0,"delta":{"content":"llo","reasoning_content":"why"},"logprobs":{"content":[{"token":"llo"}]}}]}"#,
            #"{"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"ls","arguments":""}}]}}]}"#,
            #"{"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}}]}"#,
            #"{"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":"tool_calls"}]}"#,
            #"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            #"{"choices":[],"usage":{"total_tokens":9}}"#, "[DONE]",
        ]
        let text = Array(events.map { ": note\r\ndata: \($0)\r\n\r\n" }.joined().utf8)
        var listener = StreamListener(keepsEvents: false)
        for start in stride(from: 0, to: text.count, by: length) {
            listener.take(Array(text[start..<min(start + length, text.count)]))
        }
        var exchange = Exchange(path: "/", model: nil, isStreamed: true, request: [], start: 0)
        listener.finish(&exchange)
        let response = try #require(exchange.response)
        let whole = try JSON(parsing: response.span)
        let expected = try JSON(
            parsing: """
                {"id":"c","object":"chat.completion","created":1,"model":"m","choices":[
                {"index":0,"message":{"role":"assistant","content":"hello","reasoning_content":"why"},"finish_reason":"stop","logprobs":{"content":[{"token":"he"},{"token":"llo"}]}},
                {"index":1,"message":{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"ls","arguments":"{\\"a\\":1}"}}]},"finish_reason":"tool_calls"}],
                "usage":{"total_tokens":9}}
                """)
        #expect(whole == expected)
    }

    @Test(arguments: ["", "data: no\n\n", "data: [DONE]\n\n", "event: x\n\n", "data: {\"a\"", "data: [1]\n\n"])
    func makesNothingOfNothing(_ text: String) {
        var listener = StreamListener(keepsEvents: true)
        listener.take(Array(text.utf8))
        var exchange = Exchange(path: "/", model: nil, isStreamed: true, request: [], start: 0)
        listener.finish(&exchange)
        #expect(exchange.response == nil && exchange.stream == Array(text.utf8))
    }

    @Test func joinsTheDataOfOneEvent() {
        var stream = EventStream()
        let events = stream.take(Array("data: a\ndata:b\nid: 1\n\n\n\ndata: c\r\rdata: rest".utf8))
        #expect(events.map { String(decoding: $0, as: UTF8.self) } == ["a\nb", "c"])
    }
}

struct RetriesTests {
    /// The least and the most of a generator.
    private struct Edge: RandomNumberGenerator {
        let value: UInt64
        mutating func next() -> UInt64 { value }
    }

    @Test func pausesGrowAndEnd() {
        var configuration = ModelServiceConfiguration()
        configuration.maximumAttempts = 4
        var (least, most) = (Retries(configuration), Retries(configuration))
        var (low, high) = (Edge(value: 0), Edge(value: .max))
        let lows = (0..<4).map { _ in least.pause(wish: nil, using: &low) }
        let highs = (0..<4).map { _ in most.pause(wish: nil, using: &high).map { ($0 / .seconds(1)).rounded() } }
        #expect(lows == [.zero, .zero, .zero, nil])
        #expect(highs == [4, 8, 16, nil])
        #expect(least.attempt == 4)
    }

    @Test func heedsWishesWithinReason() {
        var low = Edge(value: 0)
        var retries = Retries(ModelServiceConfiguration())
        #expect(retries.pause(wish: .seconds(5), using: &low) == .seconds(5))
        #expect(retries.pause(wish: .seconds(61), using: &low) == nil)
    }

    @Test(arguments: [
        ("5", 5), (" 0.5", 0.5), ("-3", 0), ("Sun, 06 Nov 1994 08:49:47 GMT", 10), ("Sun, 06 Nov 1994 08:49:30 GMT", 0),
        ("soon", nil), ("", nil), ("Sun, 06 Nov 1994 08:49:47 CET", nil), ("Sun, 06 Xyz 1994 08:49:47 GMT", nil),
        ("nan", nil), ("inf", nil),
    ])
    func readsWishes(_ text: String, _ seconds: Double?) {
        #expect(Retries.wish(text, now: 784_111_777) == seconds.map { .seconds($0) })
    }
}
