import GEM
import Testing

@Suite struct JSONValueTests {
    @Test(arguments: [
        (#" [ 1 , {"b":null,"a":[true,false]} ] "#, #"[1,{"b":null,"a":[true,false]}]"#),
        ("1.50e+007", "1.50e+007"), ("123456789012345678901234567890", "123456789012345678901234567890"),
        (#""\u0041\/\u00e9\ud83d\ude00\b\f\n\r\t\"\\\u0000\u001f""#, #""A/é😀\b\f\n\r\t\"\\\u0000\u001f""#),
        ("\"\u{7F}é\u{2028}\"", "\"\u{7F}é\u{2028}\""), (#"{"\n":{},"":[]}"#, #"{"\n":{},"":[]}"#),
    ])
    func comesBackAsItWas(_ text: String, _ compact: String) throws {
        let value = try JSON(parsing: text)
        #expect(String(decoding: value.serialized, as: UTF8.self) == compact)
        #expect(try JSON(parsing: compact) == value)
    }

    @Test func showsWhatItHolds() throws {
        let value = try JSON(parsing: #"{"n":3,"x":2.5,"s":"t","b":true,"l":[1],"o":{"k":null}}"#)
        #expect(value["n"]?.int == 3 && value["n"]?.double == 3 && value["x"]?.double == 2.5 && value["x"]?.int == nil)
        #expect(value["s"]?.string == "t" && value["b"]?.bool == true && value["l"]?[0] == 1 && value["l"]?[1] == nil)
        #expect(value["o"]?["k"]?.isNull == true && value["missing"] == nil && value["s"]?["k"] == nil)
        #expect(value["l"]?.array?.count == 1 && value["o"]?.object?.members.count == 1 && value.string == nil)
        #expect(
            value == [
                "n": 3, "x": .number(try #require(JSON.Number(2.5))), "s": "t", "b": true, "l": [1], "o": ["k": nil],
            ])
        #expect(JSON.Number(.nan) == nil && JSON.Number(-.infinity) == nil)
    }

    @Test func keepsMembersInOrder() {
        var object: JSON.Object = ["b": 1, "a": 2]
        object["c"] = 3
        object["b"] = 4
        object["a"] = nil
        object["d"] = nil
        #expect(object.members.map(\.name) == ["b", "c"] && object["b"] == 4 && object != ["c": 3, "b": 4])
    }

    @Test(arguments: [
        (0.0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (-0.1, "-0.1"), (0.1 + 0.2, "0.30000000000000004"), (1e16, "1e+16"),
        (1e-5, "1e-05"), (.leastNonzeroMagnitude, "5e-324"), (.greatestFiniteMagnitude, "1.7976931348623157e+308"),
        (.nan, "null"),
        (.infinity, "null"), (1.0 / 3, "0.3333333333333333"),
    ])
    func writesDoublesThatReadBack(_ value: Double, _ text: String) throws {
        var writer = JSONWriter()
        writer.double(value)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
        if value.isFinite { #expect(try JSON(parsing: text).double?.bitPattern == value.bitPattern) }
    }

    @Test func writesEveryByteAStringCanHoldAtEveryPlace() throws {
        // Two words and a rest, so that every byte meets both the word-wise and the byte-wise half of the writer.
        for code in UInt8(0)..<0x80 {
            for place in 0..<19 {
                var text = Array("0123456789abcdefghi".utf8)
                text[place] = code
                var writer = JSONWriter()
                writer.string(text.span)
                let back = try JSON(parsing: writer.bytes.span).string
                if back.map({ Array($0.utf8) }) != text { Issue.record("\(code) at \(place): \(writer.bytes)") }
            }
        }
        let long = String(repeating: "\u{1}é\"", count: 5000)
        var writer = JSONWriter()
        writer.string(long)
        #expect(try JSON(parsing: writer.bytes.span) == .string(long))
    }

    @Test func separatesWhatItWrites() {
        var output = Array("x".utf8)
        var writer = JSONWriter(taking: &output)
        writer.beginObject()
        writer.name("a")
        writer.beginArray()
        writer.endArray()
        writer.name("b" as String)
        writer.beginArray()
        writer.integer(-12)
        writer.beginObject()
        writer.endObject()
        writer.raw(Array("[7]".utf8).span)
        writer.null()
        writer.endArray()
        writer.endObject()
        writer.finish(into: &output)
        #expect(String(decoding: output, as: UTF8.self) == #"x{"a":[],"b":[-12,{},[7],null]}"#)
    }

    @Test func joinsLinesBetweenTokensOnly() throws {
        let text = "{\r\n  \"a\\n\": [\n1\n]\n}\n"
        var bytes = Array(text.utf8)
        JSON.joinLines(of: &bytes)
        #expect(!bytes.contains(0x0A) && !bytes.contains(0x0D))
        #expect(try JSON(parsing: bytes.span) == JSON(parsing: text))
    }

    @Test func givesTheMembersOfAnObject() throws {
        let text = Array(#" { "a" : [1, 2] , "b\n":"x" } "#.utf8)
        let members = try JSONScanner.members(in: text.span)
        #expect(members.map { $0.name.meaning(of: text.span) } == ["a", "b\n"])
        #expect(members.map { String(decoding: text[$0.value], as: UTF8.self) } == ["[1, 2]", #""x""#])
        let found = try JSONScanner.values(of: ["c", "a"], at: 1..<text.count, in: text.span)
        #expect(found == [nil, members[0].value])
        for twice in [#"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, "[]", #"{"a":1"#] {
            let bytes = Array(twice.utf8)
            #expect(throws: JSONError.self) { try JSONScanner.members(in: bytes.span) }
            #expect(throws: JSONError.self) {
                try JSONScanner.values(of: ["a"], at: 0..<bytes.count, in: bytes.span)
            }
        }
    }
}
