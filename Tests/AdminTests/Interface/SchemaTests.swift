import GEM
import Testing

@testable import Admin

@Suite struct SchemaTests {
    private static let schema = Schema.object(
        .required("name", .text(least: 1, most: 4)), .optional("count", .integer(0...9)),
        .optional("share", .number(0...1).orNull), .optional("is_on", .boolean),
        .optional("mode", .word("slow", "fast")), .optional("tags", .list(of: .text(most: 3), 0...2)),
        .optional("env", Schema(.map(.text), isNullable: true)), .optional("password", .secret),
        .optional("command", .either(.text, .list(of: .text))))

    /// What is complained about, as `type@place`.
    private static func complaints(_ text: String) throws -> [String] {
        var found: [Complaint] = []
        schema.check(try JSON(parsing: Array(text.utf8).span), at: ["body"], &found)
        return found.map { "\($0.type)@\($0.place.dropFirst().joined(separator: "."))" }
    }

    @Test(
        arguments: [
            (#"{"name":"a"}"#, []),
            (
                #"{"name":"a","count":3.0,"share":null,"is_on":true,"mode":"fast","tags":["b"],"env":{"A":"1"},"other":[]}"#,
                []
            ),
            (#"{"name":"a","command":"ls"}"#, []), (#"{"name":"a","command":["ls"]}"#, []),
            ("[]", ["model_attributes_type@"]), ("{}", ["missing@name"]), (#"{"name":null}"#, ["string_type@name"]),
            (#"{"name":""}"#, ["string_too_short@name"]), (#"{"name":"abcde"}"#, ["string_too_long@name"]),
            (#"{"name":"a","count":-1}"#, ["greater_than_equal@count"]),
            (#"{"name":"a","count":10}"#, ["less_than_equal@count"]),
            (#"{"name":"a","count":1.5}"#, ["int_type@count"]), (#"{"name":"a","count":"1"}"#, ["int_type@count"]),
            (#"{"name":"a","count":1e400}"#, ["int_type@count"]),
            (#"{"name":"a","share":1e400}"#, ["float_type@share"]),
            (#"{"name":"a","is_on":1}"#, ["bool_type@is_on"]), (#"{"name":"a","mode":"Fast"}"#, ["enum@mode"]),
            (#"{"name":"a","tags":["b","cccc"]}"#, ["string_too_long@tags.1"]),
            (#"{"name":"a","tags":["b","c","d"]}"#, ["too_long@tags"]),
            (#"{"name":"a","env":{"A":1}}"#, ["string_type@env.A"]),
            (#"{"name":"a","env":[]}"#, ["dict_type@env"]), (#"{"name":"a","command":[1]}"#, ["union_type@command"]),
        ] as [(String, [String])])
    func complainsLikeRock(text: String, expected: [String]) throws {
        #expect(try Self.complaints(text) == expected)
    }

    @Test func showsNoSecretAndNothingLong() throws {
        var found: [Complaint] = []
        let long = String(repeating: "x", count: 5000)
        let text = #"{"name":"\#(long)","password":"\#(long + long)"}"#
        Self.schema.check(try JSON(parsing: Array(text.utf8).span), at: [], &found)
        let written = String(decoding: json { $0.complaints(found) }, as: UTF8.self)
        #expect(found.count == 2 && written.utf8.count < 600 && !written.contains("xxx"))
    }

    @Test func endlessMistakesEarnAFewComplaints() throws {
        var found: [Complaint] = []
        let text = "[" + Array(repeating: "1", count: 9000).joined(separator: ",") + "]"
        Schema.list(of: .text).check(try JSON(parsing: Array(text.utf8).span), at: [], &found)
        #expect(found.count == Schema.complaintLimit)
    }

    @Test(
        arguments: [
            (Schema.boolean, "True", "true"), (.boolean, "false", "false"), (.boolean, "maybe", "\"maybe\""),
            (.integer(), "12", "12"), (.integer(), "1.5", "\"1.5\""), (.number(), "1.5", "1.5"),
            (.number(), "nan", "\"nan\""),
            (.text, "12", "\"12\""), (.list(of: .integer()), "1,2", "[1,2]"),
        ])
    func readsTextsOfQueries(schema: Schema, text: String, value: String) {
        #expect(String(decoding: json { $0.value(schema.value(ofText: text)) }, as: UTF8.self) == value)
    }
}
