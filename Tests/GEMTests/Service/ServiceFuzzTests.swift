import GEM
import Testing

@Suite struct ServiceFuzzTests {
    static let lines = [
        #"{"id":1,"method":"make","params":{"env_id":"test:Counter-v0","num_envs":3,"info":"full","kwargs":{"limit":9}}}"#,
        #"{"id":2,"method":"make","params":{"env_id":"test:Counter-v0","autoreset":"same_step"}}"#,
        #"{"id":3,"method":"reset","params":{"seed":[1,null,2],"indices":[2,1,0]}}"#,
        #"{"id":4,"method":"reset","params":{"seed":5}}"#,
        #"{"id":5,"method":"step","params":{"actions":["a","\\boxed{up}\u00e9","end"],"session":{"x":[1]}}}"#,
        #"{"id":6,"method":"step","params":{"actions":{"2":"end","0":"nan"}}}"#,
        #"{"id":7,"method":"step","params":{"action":"end"}}"#,
        #"{"id":8,"method":"render","params":{"mode":"ansi","indices":[1]}}"#,
        #"{"id":9,"method":"sample_action","params":{}}"#,
        #"{"id":10,"method":"status","params":{}}"#,
        #"{"id":11,"method":"close","params":{}}"#,
    ]

    /// Whatever is on the line, one line of JSON comes back, in the form that the server splices.
    @Test(arguments: [1, 2, 3, 4])
    func answersEveryLine(seed: UInt64) throws {
        var mutations = Mutations(seed: seed)
        var service = EnvironmentService(registry: try EnvironmentRegistry([.counter])) { 1 }
        var output: [UInt8] = []
        var results = 0
        for _ in 0..<6000 {
            var line = Array(Self.lines[mutations.below(Self.lines.count)].utf8)
            if mutations.below(2) == 0 { line = mutations.mutate(line) }
            output.removeAll(keepingCapacity: true)
            service.answer(line.span, into: &output)
            guard output.last == 0x0A, output.firstIndex(of: 0x0A) == output.count - 1,
                let answer = try? JSON(parsing: output.span), let names = answer.object?.members.map(\.name),
                names == ["id", "result"] || names == ["id", "error"]
            else {
                Issue.record("\(String(decoding: line, as: UTF8.self)): \(String(decoding: output, as: UTF8.self))")
                continue
            }
            if names[1] == "result" {
                results += 1
            } else if answer["error"].flatMap({ Failure($0) }) == nil {
                Issue.record("no failure: \(String(decoding: output, as: UTF8.self))")
            }
        }
        #expect(results > 300)
    }

    /// What a call that is refused must not do: move any environment or any stream.
    @Test func refusedCallsChangeNothing() throws {
        var line = try ServiceLine()
        var twin = try ServiceLine()
        for call in Self.lines[0...0] + [Self.lines[3]] {
            #expect(line.answer(call) == twin.answer(call))
        }
        for refused in [
            #"{"actions":["a","b"]}"#, #"{"actions":["a","b",3]}"#, #"{"actions":{"0":"a","7":"b"}}"#,
            #"{"action":"a"}"#,
            #"{"actions":["a","b","c"],"actions":["a","b","c"]}"#,
        ] { _ = line.call("step", refused) }
        for refused in [#"{"seed":[1,2]}"#, #"{"seed":-1}"#, #"{"indices":[0,3]}"#, #"{"seed":4294967295}"#] {
            _ = line.call("reset", refused)
        }
        #expect(line.call("status") == twin.call("status"))
        #expect(line.call("reset") == twin.call("reset"))
    }
}
