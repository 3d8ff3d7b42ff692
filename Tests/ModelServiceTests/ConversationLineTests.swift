import GEM
import Testing

@testable import ModelService

struct ConversationLineTests {
    @Test(arguments: [
        // A whole record, and one whose text quotes the marks.
        (#"LLM_REQUEST_START{"a": 1}LLM_REQUEST_END{"timestamp": 1, "index": 3}"#, 3, #"{"a": 1}"#),
        (
            #"LLM_REQUEST_START{"a": "LLM_REQUEST_END{}"}LLM_REQUEST_END{"timestamp": 1, "index": 4}"#, 4,
            #"{"a": "LLM_REQUEST_END{}"}"#
        ),
        (
            #"LLM_REQUEST_START{"a": "SESSION_END"}LLM_REQUEST_END{"timestamp": 1, "index": 5}"#, 5,
            #"{"a": "SESSION_END"}"#
        ),
        // Half a record in front, of a writer that was killed.
        (
            #"LLM_REQUEST_START{"a": LLM_REQUEST_START{"b": 2}LLM_REQUEST_END{"timestamp": 1, "index": 6}"#, 6,
            #"{"b": 2}"#
        ),
        (#"LLM_RESPONSE_STLLM_REQUEST_START{}LLM_REQUEST_END{"index": 7}  "#, 7, "{}"),
    ])
    func readsRequests(_ line: String, _ index: Int, _ text: String) {
        #expect(ConversationLine(Array(line.utf8)) == .request(index: index, text: Array(text.utf8)))
    }

    @Test(arguments: [
        "", "SESSION", "LLM_REQUEST_START{}", "LLM_REQUEST_START{}LLM_REQUEST_END",
        "LLM_REQUEST_START{}LLM_REQUEST_END{}",
        #"LLM_REQUEST_START{LLM_REQUEST_END{"index": 1}"#, #"{}LLM_REQUEST_END{"index": 1}"#,
        #"LLM_REQUEST_START{}LLM_REQUEST_END{"index": "1"}"#, "ordinary text }", "}",
    ])
    func passesOver(_ line: String) {
        #expect(ConversationLine(Array(line.utf8)) == nil)
    }

    @Test(arguments: ["SESSION_END", "SESSION_END\r", "LLM_REQUEST_START{\"a\"SESSION_END"])
    func readsTheEnd(_ line: String) {
        #expect(ConversationLine(Array(line.utf8)) == .end)
    }

    @Test func writesWhatPythonWrites() {
        let text = Array(#"{"a": "é"}"#.utf8)
        let request = ConversationLine.request(text, index: 2, milliseconds: 1_700_000_000_123)
        let response = ConversationLine.response(text, index: 2, milliseconds: 5)
        #expect(
            String(decoding: request, as: UTF8.self)
                == "LLM_REQUEST_START{\"a\": \"é\"}LLM_REQUEST_END{\"timestamp\": 1700000000123, \"index\": 2}\n")
        #expect(ConversationLine(Array(request.dropLast())) == .request(index: 2, text: text))
        #expect(ConversationLine(Array(response.dropLast())) == .response(index: 2, text: text))
    }

    /// Each value as `json.dumps(json.loads(text), ensure_ascii=False)` writes it.
    @Test(arguments: [
        (#"{"a":[1,-0,1.0,1e5,1E-7],"b":{}}"#, #"{"a": [1, 0, 1.0, 100000.0, 1e-07], "b": {}}"#),
        ("[0.1,0.0001,0.00001,123456789012345678901234567890]", "[0.1, 0.0001, 1e-05, 123456789012345678901234567890]"),
        (
            "[1e15,1e16,1.2e16,12345678901234567.0,1.5e300,-2.5e-10]",
            "[1000000000000000.0, 1e+16, 1.2e+16, 1.2345678901234568e+16, 1.5e+300, -2.5e-10]"
        ),
        ("[-0.0,5e-324,1.7976931348623157e308,100.25]", "[-0.0, 5e-324, 1.7976931348623157e+308, 100.25]"),
        (#""\u00e9\/\u0001\n\"\u007f\ud83d\ude00""#, "\"é/\\u0001\\n\\\"\u{7F}😀\""),
        ("[true,false,null,[],\"\"]", "[true, false, null, [], \"\"]"),
    ])
    func writesJSONAsPythonDoes(_ text: String, _ expected: String) throws {
        #expect(String(decoding: try JSON(parsing: text).pythonText, as: UTF8.self) == expected)
    }
}
