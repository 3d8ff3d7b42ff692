import Foundation
import Testing

@testable import GEM

/// The reference values, drawn in order from freshly seeded generators of CPython 3.11 and NumPy 2.4.
private struct Vectors: Decodable {
    struct Bounded: Decodable {
        let n: [Int]
        let value: [Int]
    }
    struct Python: Decodable, Sendable, CustomTestStringConvertible {
        let seed: UInt64
        let getrandbits32: [UInt32]
        let random: [Double]
        let randrange: Bounded
        let randint: [Int]
        let shuffle: [Int]
        let sampleOf8: [Int]
        let sampleOf50: [Int]
        let sampleOfMany: [Int]
        let choices: [Int]

        enum CodingKeys: String, CodingKey {
            case seed, getrandbits32, random, randrange
            case randint = "randint_1_10_x8"
            case shuffle = "shuffle_0to9"
            case sampleOf8 = "sample_8_4"
            case sampleOf50 = "sample_50_3"
            case sampleOfMany = "sample_235886_5"
            case choices = "choices_1to6_k4"
        }
        var testDescription: String { "seed \(seed)" }
    }
    struct NumPy: Decodable, Sendable, CustomTestStringConvertible {
        let seed: UInt64
        let raw64: [String]
        let integers: Bounded
        var testDescription: String { "seed \(seed)" }
    }
    let python: [Python]
    let numPy: [NumPy]

    enum CodingKeys: String, CodingKey {
        case python = "cpython_random"
        case numPy = "numpy_default_rng"
    }

    static func load() throws -> Vectors {
        let file = try #require(Bundle.module.url(forResource: "Fixtures/rng-vectors", withExtension: "json"))
        return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
    }
}

@Suite struct RandomTests {
    @Test(arguments: try Vectors.load().python)
    fileprivate func drawsAsCPythonDoes(_ expected: Vectors.Python) {
        let fresh = MersenneTwister(seed: expected.seed)
        func drawn<T>(_ draw: (inout MersenneTwister) -> T) -> T {
            var generator = fresh  // a copy is a fork: the original stays unused
            return draw(&generator)
        }
        #expect(drawn { twister in expected.getrandbits32.map { _ in twister.bits(32) } } == expected.getrandbits32)
        #expect(drawn { twister in expected.random.map { _ in twister.unit() } } == expected.random)
        #expect(drawn { twister in expected.randrange.n.map { twister.below($0) } } == expected.randrange.value)
        #expect(drawn { twister in (0..<8).map { _ in twister.between(1, 10) } } == expected.randint)
        let shuffled = drawn { twister in
            var list = Array(0...9)
            twister.mix(&list)
            return list
        }
        #expect(shuffled == expected.shuffle)
        #expect(drawn { $0.sample(1...8, 4) } == expected.sampleOf8)
        #expect(drawn { $0.sample(3, below: 50) } == expected.sampleOf50)
        #expect(drawn { $0.sample(0..<235_886, 5) } == expected.sampleOfMany)
        #expect(drawn { $0.choices(1...6, 4) } == expected.choices)
    }

    @Test(arguments: try Vectors.load().numPy)
    fileprivate func drawsAsNumPyDoes(_ expected: Vectors.NumPy) {
        var raw = PCG64(seed: expected.seed)
        #expect(expected.raw64.map { _ in String(raw.u64()) } == expected.raw64)
        var bounded = PCG64(seed: expected.seed)
        #expect(expected.integers.n.map { bounded.below($0) } == expected.integers.value)
    }

    /// Past the first 624 words every word has been renewed from renewed ones; CPython gives these.
    @Test(arguments: DeepValues.all)
    fileprivate func staysInStepPastTheFirstRenewal(_ expected: DeepValues) {
        var generator = MersenneTwister(seed: expected.seed)
        for _ in 0..<expected.skipped { _ = generator.u32() }
        #expect(generator.u32() == expected.word)
    }

    @Test func aForkLeavesTheOriginalAlone() {
        var original = MersenneTwister(seed: 7)
        _ = original.u32()
        var fork = original
        let ahead = (0..<1000).map { _ in fork.u32() }
        #expect((0..<1000).map { _ in original.u32() } == ahead)
    }

    /// A sample of more than five moves the border between picking from a pool and drawing until unused; CPython's last
    /// element on both sides of the border.
    @Test(arguments: [(6, 85, 77), (16, 85, 79), (16, 86, 50), (20, 277, 81), (20, 278, 81), (5, 5, 0)])
    func samplesOnBothSidesOfThePoolLimit(_ count: Int, _ total: Int, _ last: Int) {
        var generator = MersenneTwister(seed: 3)
        let drawn = generator.sample(count, below: total)
        #expect(drawn.count == count && Set(drawn).count == count && drawn.last == last)
    }

    @Test func anEmptySampleDrawsNothing() {
        var generator = MersenneTwister(seed: 0)
        #expect(generator.sample(0, below: 0).isEmpty)
        #expect(generator.bits(32) == 3_626_764_237)
    }
}

private struct DeepValues: Sendable {
    let seed: UInt64
    let skipped: Int
    let word: UInt32

    static let all: [DeepValues] = [
        DeepValues(seed: 0, skipped: 226, word: 2_464_735_849),
        DeepValues(seed: 0, skipped: 397, word: 3_045_157_748),
        DeepValues(seed: 0, skipped: 623, word: 2_390_040_247),
        DeepValues(seed: 0, skipped: 624, word: 2_229_104_038),
        DeepValues(seed: 0, skipped: 5000, word: 3_277_936_397),
        DeepValues(seed: 42, skipped: 396, word: 4_291_885_525),
        DeepValues(seed: 42, skipped: 623, word: 2_929_454_134),
        DeepValues(seed: 42, skipped: 624, word: 1_071_722_055),
        DeepValues(seed: 42, skipped: 1248, word: 2_301_518_177),
        DeepValues(seed: 4_294_967_295, skipped: 227, word: 2_122_077_656),
        DeepValues(seed: 4_294_967_295, skipped: 622, word: 3_786_362_517),
        DeepValues(seed: 4_294_967_295, skipped: 623, word: 2_365_591_444),
        DeepValues(seed: 4_294_967_295, skipped: 624, word: 2_143_983_266),
        DeepValues(seed: 4_294_967_295, skipped: 1247, word: 3_603_081_785),
        DeepValues(seed: 4_294_967_296, skipped: 226, word: 3_706_213_868),
        DeepValues(seed: 4_294_967_296, skipped: 397, word: 61_072_524),
        DeepValues(seed: 4_294_967_296, skipped: 623, word: 1_921_684_606),
        DeepValues(seed: 4_294_967_296, skipped: 624, word: 2_208_258_976),
        DeepValues(seed: 4_294_967_296, skipped: 5000, word: 3_898_698_350),
        DeepValues(seed: 4_294_967_337, skipped: 396, word: 1_398_940_860),
        DeepValues(seed: 4_294_967_337, skipped: 623, word: 1_168_817_818),
        DeepValues(seed: 4_294_967_337, skipped: 624, word: 3_773_542_612),
        DeepValues(seed: 4_294_967_337, skipped: 1248, word: 2_070_511_456),
        DeepValues(seed: 18_446_744_073_709_551_615, skipped: 227, word: 3_886_738_724),
        DeepValues(seed: 18_446_744_073_709_551_615, skipped: 622, word: 1_204_910_894),
        DeepValues(seed: 18_446_744_073_709_551_615, skipped: 623, word: 2_799_746_052),
        DeepValues(seed: 18_446_744_073_709_551_615, skipped: 624, word: 3_597_309_115),
        DeepValues(seed: 18_446_744_073_709_551_615, skipped: 1247, word: 1_341_629_042),
    ]
}
