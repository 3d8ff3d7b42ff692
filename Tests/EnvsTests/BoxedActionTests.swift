import Testing

@testable import Envs

@Suite struct BoxedActionTests {
    @Test(
        arguments: [
            (#"\boxed{up}"#, Direction.up),
            (#"I go \boxed{left}, no: \boxed{down}."#, .down),
            (#"\boxed{\boxed{right}}"#, .right),
            (#"\boxed{up} \boxed{ down } \boxed{} \boxed{upward} \boxed"#, .up),
            (#"思考 \boxed{left} ✅"#, .left),
            ("\\boxed{up\n} \\boxed{right}", .right),
            (#"\boxed{upx}\boxed{up}}}"#, .up),
            (#"\BOXED{up}"#, nil),
            (#"\boxed{Up}"#, nil),
            (#"\boxed{up"#, nil),
            (#"\boxed {up}"#, nil),
            (#"\boxed[up]"#, nil),
            (#"\fbox{up}"#, nil),
            ("boxed{up}", nil),
            ("{up}", nil),
            (#"\boxed{"#, nil),
            ("", nil),
            ("up", nil),
        ] as [(String, Direction?)])
    func readsTheRightmostBoxThatFits(_ text: String, _ direction: Direction?) {
        #expect(Direction.boxed(in: Array(text.utf8).span, ignoringCase: false) == direction)
    }

    @Test(
        arguments: [
            (#"\BOXED{Up}"#, Direction.up),
            (#"\bOxEd{LEFT}"#, .left),
            (#"\boxed{rıght}"#, nil),  // only ASCII letters fold
            (#"\BOXED[up]"#, nil),
        ] as [(String, Direction?)])
    func foldsTheCaseWhereTheGameDoes(_ text: String, _ direction: Direction?) {
        #expect(Direction.boxed(in: Array(text.utf8).span, ignoringCase: true) == direction)
    }

    @Test(
        arguments: [
            (#"\boxed{7}"#, 7),
            (#"\boxed{007}"#, 7),
            (#"\boxed{٥}"#, 5),
            (#"\boxed{1٢𝟛}"#, 123),
            (#"\boxed{９}"#, 9),
            (#"\boxed{99999999999999999999999}"#, Int.max),
            (#"\boxed{9223372036854775808}"#, Int.max),
            (#"\boxed{"# + String(repeating: "0", count: 4299) + "5}", 5),
            (#"\boxed{"# + String(repeating: "0", count: 4300) + "5}", nil),
            (#"\boxed{3} \boxed{"# + String(repeating: "9", count: 5000) + "}", nil),
            (#"\boxed{²}"#, nil),
            (#"\boxed{-1}"#, nil),
            (#"\boxed{1.0}"#, nil),
            (#"\boxed{ 1}"#, nil),
        ] as [(String, Int?)])
    func readsNumbersOfAnyScriptAndLength(_ text: String, _ number: Int?) {
        let bytes = Array(text.utf8)
        let read = BoxedAction.last(in: bytes.span) { text, cursor in cursor.number(in: text) }
        #expect(read == number)
    }

    @Test(
        arguments: [
            (
                " \t\n\u{0B}\u{0C}\r\u{1C}\u{1D}\u{1E}\u{1F}\u{85}\u{A0}\u{1680}\u{2000}\u{200A}\u{2028}\u{2029}\u{202F}",
                18
            ),
            ("\u{205F}\u{3000}", 2),
            ("\u{200B}", 0),
            ("\u{FEFF}", 0),
            ("x", 0),
        ] as [(String, Int)])
    func countsWhatPythonCallsWhiteSpace(_ text: String, _ count: Int) {
        let bytes = Array(text.utf8)
        var cursor = BoxCursor(offset: 0)
        #expect(cursor.blanks(in: bytes.span) == count)
        #expect(count == 0 || cursor.offset == bytes.count)
    }

    /// The server lets only UTF-8 in, but a reader that is wrong about that must not crash.
    @Test(
        arguments: [
            [0xF0], [0xE2, 0x80], [0xC2], [0x80], [0xFF, 0xFF], [0xED, 0xA0, 0x80], [0xF7, 0xBF, 0xBF, 0xBF],
        ] as [[UInt8]])
    func survivesBytesThatAreNotText(_ bytes: [UInt8]) {
        let text = Array(#"\boxed{"#.utf8) + bytes
        #expect(BoxedAction.last(in: text.span) { text, cursor in cursor.number(in: text) } == nil)
        #expect(BoxedAction.last(in: text.span) { text, cursor in cursor.blank(in: text) } == nil)
    }
}
