import GEM
import Testing

/// Seeded mutations, the same on every run.
struct Mutations {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A number below `bound` (SplitMix64).
    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ mixed >> 31) % UInt64(bound))
    }

    /// `text` with one to four bytes or pieces replaced, inserted, removed or doubled.
    mutating func mutate(_ text: [UInt8]) -> [UInt8] {
        let tokens = Array(#"{}[]",:\ 0-1.eEutfn"#.utf8) + [0x00, 0x0A, 0x1F, 0x7F, 0x80, 0xC2, 0xE2, 0xED, 0xF4, 0xFF]
        var text = text
        for _ in 0...below(4) where !text.isEmpty {
            let place = below(text.count)
            let end = min(text.count, place + 1 + below(8))
            switch below(5) {
            case 0: text[place] = tokens[below(tokens.count)]
            case 1: text.insert(tokens[below(tokens.count)], at: place)
            case 2: text.removeSubrange(place..<end)
            case 3: text.insert(contentsOf: text[place..<end], at: below(text.count))
            default: text[place] ^= UInt8(1 << below(8))
            }
        }
        return text
    }
}

@Suite struct JSONFuzzTests {
    static let valid = [
        #"{"jsonrpc":"2.0","id":7,"method":"step","params":{"sandbox_id":"ab","action":"\\boxed{up} \ud83d\ude00é"}}"#,
        #"[{"a":[1,-2.5e3,{"b":null}],"c":"\"\\\/\n"},true,false,[],{}, "中文 😀 plain text that is a little longer"]"#,
        "{\n  \"pretty\" : [ 1 ,\r\n\t2 ],\n  \"z\" : { }\n}",
    ]

    @Test(arguments: valid, [1, 2, 3])
    func parserAndScannerAgree(_ text: String, _ seed: UInt64) throws {
        var mutations = Mutations(seed: seed)
        var accepted = 0
        for _ in 0..<4000 {
            let bytes = mutations.mutate(Array(text.utf8))
            let parsed: Result<JSON, JSONError>
            do throws(JSONError) { parsed = .success(try JSON(parsing: bytes.span)) } catch { parsed = .failure(error) }
            let scanned: JSONError?
            do throws(JSONError) {
                _ = try JSONScanner.validate(bytes.span)
                scanned = nil
            } catch { scanned = error }
            switch (parsed, scanned) {
            case (.success(let value), nil):
                accepted += 1
                let again = try JSON(parsing: value.serialized.span)
                if again != value { Issue.record("does not come back: \(bytes)") }
            case (.failure(let error), nil) where error.expected == .newName: break
            case (.failure(let error), let other?) where error == other || error.expected == .newName: break
            default: Issue.record("\(parsed) but \(String(describing: scanned)): \(bytes)")
            }
        }
        // A fuzzer that only ever finds garbage tests nothing.
        #expect(accepted > 20)
    }
}
