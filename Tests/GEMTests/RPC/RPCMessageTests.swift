import GEM
import Testing

@Suite struct RPCMessageTests {
    /// What a message was read as, in one line: `id method params` for each request, `kind@id` for what is none.
    private func reading(_ text: String, batchLimit: Int = RPCMessage.batchLimit) -> String {
        let bytes = [UInt8](text.utf8)
        let part = { (range: Range<Int>) in String(decoding: bytes[range], as: UTF8.self) }
        let show = { (item: RPCMessage.Item) -> String in
            switch item {
            case .invalid(let failure, let id): return "\(failure.kind.rawValue)@\(id.map(part) ?? "-")"
            case .request(let request):
                switch request.params {
                case .none: return "\(request.id.map(part) ?? "-") \(request.method)"
                case .named(let range): return "\(request.id.map(part) ?? "-") \(request.method) named \(part(range))"
                case .positional(let range):
                    return "\(request.id.map(part) ?? "-") \(request.method) positional \(part(range))"
                }
            }
        }
        do throws(Failure) {
            switch try RPCMessage(parsing: bytes.span, batchLimit: batchLimit) {
            case .single(let item): return show(item)
            case .batch(let items): return "[" + items.map(show).joined(separator: "; ") + "]"
            }
        } catch {
            return error.kind.rawValue
        }
    }

    @Test(arguments: [
        (#"{"jsonrpc":"2.0","id":1,"method":"step","params":{"a":[1, 2]}}"#, #"1 step named {"a":[1, 2]}"#),
        (
            #" { "params" : [ 1 ] , "method" : "m" , "id" : "x\"y" , "jsonrpc" : "2.0" } "#,
            #""x\"y" m positional [ 1 ]"#
        ),
        (#"{"jsonrpc":"2.0","method":"m"}"#, "- m"),
        (#"{"jsonrpc":"2.0","method":"m","id":null}"#, "null m"),
        (#"{"jsonrpc":"2.0","method":"m","id":-1.5e3}"#, "-1.5e3 m"),
        (#"{"jsonrpc":"2.\u0030","m\u0065thod":"\u006d","id":1,"trace":{"id":2}}"#, "1 m"),
        (#"{"jsonrpc":"2.0","method":"m","id":[1]}"#, "invalid_request@-"),
        (#"{"jsonrpc":"2.0","method":"m","id":true}"#, "invalid_request@-"),
        (#"{"jsonrpc":"2.0","method":"m","id":"\#(String(repeating: "x", count: 255))"}"#, "invalid_request@-"),
        (#"{"jsonrpc":"2.0","method":7,"id":3}"#, "invalid_request@3"),
        (#"{"jsonrpc":"2.0","id":3}"#, "invalid_request@3"),
        (#"{"jsonrpc":"1.0","method":"m","id":3}"#, "invalid_request@3"),
        (#"{"jsonrpc":2.0,"method":"m","id":3}"#, "invalid_request@3"),
        (#"{"method":"m","id":3}"#, "invalid_request@3"),
        (#"{"jsonrpc":"2.0","method":"m","id":3,"params":null}"#, "invalid_request@3"),
        (#"{"jsonrpc":"2.0","method":"m","id":3,"params":"x"}"#, "invalid_request@3"),
        (#"{"jsonrpc":"2.0","method":"m","id":3,"id":4}"#, "invalid_request@-"),
        (#"{"jsonrpc":"2.0","method":"m","id":3,"method":"n"}"#, "invalid_request@-"),
        ("{}", "invalid_request@-"), ("7", "invalid_request@-"), (#""text""#, "invalid_request@-"),
        ("[]", "invalid_request"), (" [ ] ", "invalid_request"),
        ("[1,2]", "[invalid_request@-; invalid_request@-]"),
        (#"[{"jsonrpc":"2.0","id":1,"method":"a"},7,{"jsonrpc":"2.0","method":"b"}]"#, "[1 a; invalid_request@-; - b]"),
        ("", "parse_error"), ("{", "parse_error"), ("[1,]", "parse_error"), ("{} {}", "parse_error"),
        (#"[{"jsonrpc":"2.0","id":1,"method":"a"}"#, "parse_error"),
        (#"{"jsonrpc":"2.0","method":"m","id":1,"params":{"a":}}"#, "parse_error"),
    ])
    func reads(_ text: String, as expected: String) { #expect(reading(text) == expected) }

    @Test func limitsBatches() {
        #expect(reading("[1,1,1]", batchLimit: 3).hasPrefix("["))
        #expect(reading("[1,1,1,1]", batchLimit: 3) == "too_large")
    }

    @Test(arguments: [
        ("", "{}"), (#","params":{"b":1}"#, #"{"b":1}"#), (#","params":[]"#, "{}"), (#","params":[ 1 ]"#, #"{"a":1}"#),
        (#","params":["]",{"x":[2]}]"#, #"{"a":"]","b":{"x":[2]}}"#), (#","params":[1,2,3]"#, "invalid_params"),
    ])
    func namesPositionalParams(_ params: String, _ expected: String) throws {
        let bytes = [UInt8](#"{"jsonrpc":"2.0","method":"m"\#(params)}"#.utf8)
        guard case .single(.request(let request)) = try RPCMessage(parsing: bytes.span) else {
            Issue.record("no request")
            return
        }
        do throws(Failure) {
            #expect(String(decoding: try request.namedParams(["a", "b"], of: bytes.span), as: UTF8.self) == expected)
        } catch {
            #expect(error.kind.rawValue == expected)
        }
    }

    @Test func writesAndReadsAnswers() throws {
        var output: [UInt8] = []
        let id = Array(#""a""#.utf8)
        let result = Array("[1]".utf8)
        RPCAnswer.append(result: result.span, id: id.span, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == #"{"jsonrpc":"2.0","id":"a","result":[1]}"#)
        #expect(try RPCAnswer.read(output.span) == (22..<25, .result(35..<38)))

        output = []
        RPCAnswer.append(Failure(.timeout, "Too \"slow\"."), id: nil, to: &output)
        #expect(
            String(decoding: output, as: UTF8.self)
                == #"{"jsonrpc":"2.0","id":null,"error":{"code":-32012,"message":"Too \"slow\".","data":{"kind":"timeout"}}}"#
        )
        #expect(try RPCAnswer.read(output.span).1 == .failure(Failure(.timeout, "Too \"slow\".")))

        output = []
        RPCRequest.append("step", params: Array("{}".utf8).span, id: 12, to: &output)
        #expect(
            String(decoding: output, as: UTF8.self) == #"{"jsonrpc":"2.0","id":12,"method":"step","params":{}}"#)
    }

    @Test(arguments: ["", "{}", #"{"id":1}"#, #"{"id":1,"result":1,"error":{}}"#, #"{"id":1,"error":7}"#])
    func refusesWhatIsNoAnswer(_ text: String) {
        let bytes = [UInt8](text.utf8)
        #expect(throws: Failure.self) { try RPCAnswer.read(bytes.span) }
    }

    @Test func everyKindOfFailureHasItsOwnCodeAndComesBack() {
        let kinds = Failure.Kind.allCases
        #expect(Set(kinds.map(\.code)).count == kinds.count)
        for kind in kinds {
            var writer = JSONWriter()
            writer.failure(Failure(kind, "é"))
            let json = try? JSON(parsing: writer.bytes.span)
            #expect(json.flatMap { Failure($0) } == Failure(kind, "é"))
            #expect(Failure.Kind(code: kind.code) == kind && 400..<600 ~= kind.httpStatus)
        }
    }
}
