import Testing

@testable import Registry

@Suite struct AESGCMTests {
    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8).map { UInt8($0 > 0x39 ? $0 - 0x57 : $0 - 0x30) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// Test cases 13 to 15 of the mode's own specification: key, nonce, text, sealed text, tag.
    @Test(
        arguments: [
            [
                String(repeating: "0", count: 64), String(repeating: "0", count: 24), "", "",
                "530f8afbc74536b9a963b4f1c4cb738b",
            ],
            [
                String(repeating: "0", count: 64), String(repeating: "0", count: 24), String(repeating: "0", count: 32),
                "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919",
            ],
            [
                "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                    + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                    + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
                "b094dac5d93471bdec1a502270e3cc6c",
            ],
        ])
    func sealsAsEverybody(_ row: [String]) throws {
        let parts = row.map(Self.bytes)
        let cipher = try #require(AESGCM(key: parts[0]))
        let box = cipher.seal(parts[2], nonce: parts[1])
        #expect(box == parts[1] + parts[3] + parts[4])
        #expect(cipher.open(box) == parts[2])
    }

    @Test func opensNothingThatWasChanged() throws {
        let cipher = try #require(AESGCM(key: AESGCM.randomKey()))
        let box = cipher.seal(Array("default".utf8))
        #expect(box.count == 12 + 7 + 16)
        for place in box.indices {
            var changed = box
            changed[place] ^= 1
            if cipher.open(changed) != nil { Issue.record("opened with byte \(place) changed") }
        }
        #expect(cipher.open(Array(box.dropLast())) == nil)
        #expect(cipher.open([]) == nil)
        #expect(AESGCM(key: AESGCM.randomKey())?.open(box) == nil)
        #expect(AESGCM(key: []) == nil)
    }
}
