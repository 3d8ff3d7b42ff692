import GEM
import Testing

/// A service that knows the counting environment, and every line it was sent and answered.
struct ServiceLine {
    private var service: EnvironmentService

    init(limits: EnvironmentService.Limits = .init()) throws {
        var drawn: UInt64 = 1000
        service = EnvironmentService(registry: try EnvironmentRegistry([.counter]), limits: limits) {
            drawn += 1000
            return drawn
        }
    }

    mutating func answer(_ line: String) -> String {
        var output: [UInt8] = []
        let bytes = [UInt8](line.utf8)
        service.answer(bytes.span, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Calls `method` with the id 7, and takes the envelope off the answer; of an error only its kind is left.
    mutating func call(_ method: String, _ params: String = "{}") -> String {
        let line = answer(#"{"id":7,"method":"\#(method)","params":\#(params)}"#)
        if line.hasPrefix(#"{"id":7,"result":"#) { return String(line.dropFirst(17).dropLast(2)) }
        guard line.hasPrefix(#"{"id":7,"error":{"code":"#), line.hasSuffix("}}}\n") else {
            return "bad envelope: " + line
        }
        return line.split(separator: "\"").dropLast().last.map(String.init) ?? line
    }
}

/// One call and what is expected back.
struct Exchange: CustomTestStringConvertible {
    let method: String
    let params: String
    let result: String

    init(_ method: String, _ params: String, _ result: String) {
        (self.method, self.params, self.result) = (method, params, result)
    }

    var testDescription: String { "\(method) \(params)" }
}

@Suite struct EnvironmentServiceTests {
    static let make = #"{"env_id":"test:Counter-v0"}"#

    @Test func writesEnvelopesTheServerCanSplice() throws {
        var line = try ServiceLine()
        #expect(
            line.answer(#"{"id":1,"method":"step","params":{"action":"x"}}"#)
                == #"{"id":1,"error":{"code":-32005,"message":"No environment has been made here yet; call make first.","#
                + #""data":{"kind":"not_reset"}}}"# + "\n")
        #expect(line.answer(#"{"id":2,"method":"close","params":{}}"#) == #"{"id":2,"result":{}}"# + "\n")
    }

    /// Conversations; each begins with a fresh service.
    static let conversations: [[Exchange]] = [
        [  // one environment, brief, to its end and beyond
            Exchange("status", "{}", #"{"env_id":null}"#),
            Exchange("reset", "{}", "not_reset"),
            Exchange("make", make, #"{"spec":\#(String(decoding: spec, as: UTF8.self))}"#),
            Exchange("make", make, "invalid_request"),
            Exchange("step", #"{"action":"a"}"#, "not_reset"),
            Exchange("sample_action", "{}", "not_reset"),
            Exchange("render", "{}", "not_reset"),
            Exchange("reset", "{}", #"{"observation":"begun\n2001/0","info":{}}"#),
            Exchange("reset", #"{"seed":5}"#, #"{"observation":"begun\n5/0","info":{}}"#),
            Exchange(
                "step", #"{"sandbox_id":"s","action":"say \"hé\"\n\u00e9\ud83d\ude00","session":{"a":[1]}}"#,
                #"{"observation":"say \"hé\"\né😀\n5/1","reward":0.1,"terminated":false,"truncated":false,"info":{}}"#),
            Exchange("step", #"{"action":5}"#, "invalid_action"),
            Exchange("step", #"{"actions":["a"]}"#, "invalid_params"),
            Exchange("step", #"{"action":"a","action":"b"}"#, "invalid_params"),
            Exchange("step", "{}", "invalid_params"),
            Exchange("render", "{}", #"{"text":"1\n"}"#),
            Exchange("render", #"{"mode":"ansi"}"#, #"{"text":"\u001b[1m1\n"}"#),
            Exchange("render", #"{"mode":"pdf"}"#, "invalid_params"),
            Exchange("render", #"{"indices":[0]}"#, "invalid_params"),
            Exchange("sample_action", "{}", #"{"action":"say 1"}"#),
            Exchange(
                "step", #"{"action":"end"}"#,
                #"{"observation":"end\n5/2","reward":1.0,"terminated":true,"truncated":false,"info":{}}"#),
            Exchange("step", #"{"action":"a"}"#, "episode_ended"),
            Exchange(
                "status", "{}",
                #"{"env_id":"test:Counter-v0","num_envs":null,"autoreset":"disabled","state":"ended","episodes":2,"#
                    + #""steps":2,"turn":2,"cumulative_reward":1.1}"#),
            Exchange("reset", "{}", #"{"observation":"begun\n6/0","info":{}}"#),
            Exchange("step", #"{"action":"nan"}"#, "env_failed"),
            Exchange("step", #"{"action":"a"}"#, "env_failed"),
            Exchange("dance", "{}", "method_not_found"),
            Exchange("close", "{}", "{}"),
            Exchange("step", #"{"action":"a"}"#, "not_reset"),
            Exchange("make", #"{"env_id":"test:Countr-v0"}"#, "unknown_environment"),
            Exchange("make", "{}", "invalid_params"),
            Exchange("make", #"{"env_id":"test:Counter-v0","kwargs":{"limits":1}}"#, "invalid_argument"),
            Exchange("make", #"{"env_id":"test:Counter-v0","num_envs":0}"#, "invalid_params"),
            Exchange("make", #"{"env_id":"test:Counter-v0","num_envs":4097}"#, "invalid_params"),
            Exchange("make", #"{"env_id":"test:Counter-v0","autoreset":"later"}"#, "invalid_params"),
        ],
        [  // full info
            Exchange(
                "make", #"{"env_id":"test:Counter-v0","info":"full","autoreset":"same_step"}"#,
                #"{"spec":\#(String(decoding: spec, as: UTF8.self))}"#),
            Exchange("reset", #"{"seed":0}"#, #"{"observation":"begun\n0/0","info":{"suffix":"0/0"}}"#),
            Exchange(
                "step", #"{"action":"end"}"#,
                #"{"observation":"begun\n1/0","reward":1.0,"terminated":true,"truncated":false,"#
                    + #""info":{"suffix":"1/0","final_observation":"end\n0/1","final_info":{"suffix":"0/1"}}}"#),
            Exchange(
                "step", #"{"action":"tell"}"#,
                #"{"observation":"tell\n1/1","reward":0.1,"terminated":false,"truncated":false,"#
                    + #""info":{"turn":1,"share":0.5,"mood":"\"calm\"","suffix":"1/1"}}"#),
            Exchange(
                "step", #"{"action":"a"}"#,
                #"{"observation":"a\n1/2","reward":0.1,"terminated":false,"truncated":false,"info":{"suffix":"1/2"}}"#),
            Exchange(
                "step", #"{"action":"tell"}"#,
                #"{"observation":"begun\n2/0","reward":0.1,"terminated":false,"truncated":true,"#
                    + #""info":{"suffix":"2/0","final_observation":"tell\n1/3","#
                    + #""final_info":{"turn":3,"share":0.5,"mood":"\"calm\"","suffix":"1/3"}}}"#),
        ],
        [  // several, next step
            Exchange(
                "make", #"{"env_id":"test:Counter-v0","num_envs":3,"kwargs":{"limit":2}}"#,
                #"{"spec":\#(String(decoding: spec, as: UTF8.self))}"#),
            Exchange("step", #"{"actions":["a","b","c"]}"#, "not_reset"),
            Exchange("reset", #"{"indices":[2],"seed":8}"#, #"{"observation":["begun\n10/0"],"info":[{}]}"#),
            Exchange("step", #"{"actions":["a","b","c"]}"#, "not_reset"),
            Exchange("reset", #"{"seed":4294967294}"#, "invalid_seed"),
            Exchange("reset", #"{"seed":[1,2]}"#, "invalid_seed"),
            Exchange("reset", #"{"indices":[0,0]}"#, "invalid_params"),
            Exchange("reset", #"{"indices":[3]}"#, "invalid_params"),
            Exchange("reset", #"{"indices":1}"#, "invalid_params"),
            Exchange(
                "reset", #"{"seed":[1,null,3],"indices":[2,0,1]}"#,
                #"{"observation":["begun\n1/0","begun\n2001/0","begun\n3/0"],"info":[{},{},{}]}"#),
            Exchange(
                "reset", #"{"seed":4294967293}"#,
                #"{"observation":["begun\n4294967293/0","begun\n4294967294/0","begun\n4294967295/0"],"info":[{},{},{}]}"#
            ),
            Exchange("step", #"{"actions":["a","b"]}"#, "invalid_params"),
            Exchange("step", #"{"actions":["a","b","c","d"]}"#, "invalid_params"),
            Exchange("step", #"{"actions":["a","b",null]}"#, "invalid_action"),
            Exchange("step", #"{"actions":"abc"}"#, "invalid_action"),
            Exchange("step", #"{"action":"a"}"#, "invalid_params"),
            Exchange("step", #"{"actions":{"01":"a"}}"#, "invalid_params"),
            Exchange("step", #"{"actions":{"3":"a"}}"#, "invalid_params"),
            Exchange("step", #"{"actions":{"1":"a","1":"b"}}"#, "invalid_params"),
            Exchange(
                "step", #"{"actions":{"2":"end","0":"x"}}"#,
                #"{"observation":["end\n4294967295/1","x\n4294967293/1"],"reward":[1.0,0.1],"#
                    + #""terminated":[true,false],"truncated":[false,false],"info":[{},{}]}"#),
            Exchange(
                "step", #"{"actions":["a","b","c"]}"#,
                #"{"observation":["a\n4294967293/2","b\n4294967294/1","begun\n4294967296/0"],"reward":[0.1,0.1,0.0],"#
                    + #""terminated":[false,false,false],"truncated":[true,false,false],"info":[{},{},{}]}"#),
            Exchange(
                "step", #"{"actions":{}}"#, #"{"observation":[],"reward":[],"terminated":[],"truncated":[],"info":[]}"#),
            Exchange("render", #"{"indices":[1,0]}"#, #"{"text":["1\n","2\n"]}"#),
            Exchange("sample_action", "{}", #"{"action":["say 2","say 1","say 0"]}"#),
            Exchange(
                "status", "{}",
                #"{"env_id":"test:Counter-v0","num_envs":3,"autoreset":"next_step","state":["ended","running","running"],"#
                    + #""episodes":[2,2,4],"steps":[2,1,1],"turn":[2,1,0],"cumulative_reward":[0.2,0.1,0.0]}"#),
        ],
        [  // one environment as a vector, without autoreset
            Exchange(
                "make", #"{"env_id":"test:Counter-v0","num_envs":1,"autoreset":"disabled"}"#,
                #"{"spec":\#(String(decoding: spec, as: UTF8.self))}"#),
            Exchange("reset", #"{"seed":3}"#, #"{"observation":["begun\n3/0"],"info":[{}]}"#),
            Exchange(
                "step", #"{"actions":["end"]}"#,
                #"{"observation":["end\n3/1"],"reward":[1.0],"terminated":[true],"truncated":[false],"info":[{}]}"#),
            Exchange("step", #"{"actions":["end"]}"#, "episode_ended"),
            Exchange("reset", #"{"seed":true}"#, "invalid_seed"),
            Exchange("reset", #"{"seed":1.0}"#, "invalid_seed"),
            Exchange("reset", #"{"seed":1e0}"#, "invalid_seed"),
            Exchange("reset", #"{"seed":"1"}"#, "invalid_seed"),
            Exchange("reset", #"{"seed":-1}"#, "invalid_seed"),
            Exchange("reset", #"{"seed":-0}"#, "invalid_seed"),
            Exchange("reset", #"{"seed":4294967296}"#, "invalid_seed"),
        ],
        [  // several, same step; then one of them breaks
            Exchange(
                "make", #"{"env_id":"test:Counter-v0","num_envs":2,"autoreset":"same_step"}"#,
                #"{"spec":\#(String(decoding: spec, as: UTF8.self))}"#),
            Exchange("reset", #"{"seed":7}"#, #"{"observation":["begun\n7/0","begun\n8/0"],"info":[{},{}]}"#),
            Exchange(
                "step", #"{"actions":["a","end"]}"#,
                #"{"observation":["a\n7/1","begun\n9/0"],"reward":[0.1,1.0],"terminated":[false,true],"#
                    + #""truncated":[false,false],"info":[{},{"final_observation":"end\n8/1","final_info":{}}]}"#),
            Exchange("step", #"{"actions":["a","nan"]}"#, "env_failed"),
            Exchange("step", #"{"actions":["a","a"]}"#, "env_failed"),
            Exchange(
                "step", #"{"actions":{"0":"a"}}"#,
                #"{"observation":["begun\n8/0"],"reward":[0.1],"terminated":[false],"truncated":[true],"#
                    + #""info":[{"final_observation":"a\n7/3","final_info":{}}]}"#),
            Exchange("reset", #"{"indices":[1],"seed":3}"#, #"{"observation":["begun\n4/0"],"info":[{}]}"#),
            Exchange(
                "step", #"{"actions":{"1":"a"}}"#,
                #"{"observation":["a\n4/1"],"reward":[0.1],"terminated":[false],"truncated":[false],"info":[{}]}"#),
        ],
        [  // an environment that cannot begin
            Exchange(
                "make", #"{"env_id":"test:Counter-v0","kwargs":{"is_broken":true}}"#,
                #"{"spec":\#(String(decoding: spec, as: UTF8.self))}"#),
            Exchange("reset", "{}", "env_failed"),
            Exchange("step", #"{"action":"a"}"#, "env_failed"),
            Exchange("render", "{}", "env_failed"),
        ],
    ]

    static var spec: [UInt8] {
        var writer = JSONWriter()
        EnvironmentSpec.counter.write(to: &writer)
        return writer.bytes
    }

    @Test(arguments: conversations.indices)
    func answers(conversation: Int) throws {
        var line = try ServiceLine()
        for exchange in Self.conversations[conversation] {
            let answered = line.call(exchange.method, exchange.params)
            #expect(answered == exchange.result, "\(exchange.method) \(exchange.params)")
        }
    }

    @Test func refusesActionsBeyondTheLimit() throws {
        var limits = EnvironmentService.Limits()
        limits.actionBytes = 4
        var line = try ServiceLine(limits: limits)
        _ = line.call("make", Self.make)
        _ = line.call("reset")
        #expect(line.call("step", #"{"action":"12345"}"#) == "invalid_action")
        #expect(line.call("step", #"{"action":"1234"}"#).hasPrefix(#"{"observation":"1234"#))
    }

    @Test(arguments: [
        "", "{", "[]", "7", #"{"id":1,"id":2}"#, #"{"id":1}x"#, "{\"id\":\u{0}}", #"{"id":1,"method":7}"#,
        "{\"id\":[\n]}",
    ])
    func answersLinesThatAreNoRequests(text: String) throws {
        var line = try ServiceLine()
        #expect(line.answer(text).hasPrefix(#"{"id":null,"error":{"code":-32700,"message":"#))
    }

    @Test func namesTheRequestThatNamesNoMethod() throws {
        var line = try ServiceLine()
        #expect(line.answer(#"{"id":9}"#).hasPrefix(#"{"id":9,"error":{"code":-32600,"message":"#))
    }
}
