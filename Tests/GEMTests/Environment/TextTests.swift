import GEM
import Testing

@Suite struct TextTests {
    @Test(arguments: [
        (0, 0, "0"), (7, 3, "  7"), (10, 2, "10"), (99, 1, "99"), (99, 4, "  99"), (100, 0, "100"), (2048, 6, "  2048"),
        (-5, 0, "-5"), (-5, 4, "  -5"), (Int.max, 0, "9223372036854775807"), (Int.min, 21, " -9223372036854775808"),
        (3, -2, "3"),
    ])
    func writesNumbers(_ number: Int, _ width: Int, _ expected: String) {
        var text = Text()
        text.append(number, width: width)
        #expect(text.string == expected)
    }

    @Test func keepsWhatItIsGiven() {
        var text = Text()
        text.append("é")
        text.append(string: "中"[...])
        text.append(utf8: [0x61])
        text.append(ascii: 0x62)
        #expect(text.string == "é中ab")
        text.clear()
        #expect(text == Text())
    }
}
