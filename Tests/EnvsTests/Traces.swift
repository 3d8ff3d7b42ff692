import Foundation
import GEM
import Testing

/// An episode recorded from GEM: what was done, and what came of it.
struct Trace: Decodable, Sendable {
    struct Step: Decodable, Sendable {
        let board: String
        let reward: Double
        let terminated: Bool
        let truncated: Bool
    }

    let environment: String
    let seed: Seed
    let policy: String
    let resetBoard: String
    let actions: [String]
    let steps: [Step]

    /// What `make` was given, by its own spelling.
    var arguments: [String: ArgumentValue]?

    /// A keyword argument as JSON has it.
    enum ArgumentValue: Decodable, Sendable {
        case boolean(Bool), integer(Int), pair([Int]), word(String)

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let boolean = try? value.decode(Bool.self) {
                self = .boolean(boolean)
            } else if let integer = try? value.decode(Int.self) {
                self = .integer(integer)
            } else if let pair = try? value.decode([Int].self) {
                self = .pair(pair)
            } else {
                self = .word(try value.decode(String.self))
            }
        }

        var parameter: Parameter.Value {
            switch self {
            case .boolean(let value): .boolean(value)
            case .integer(let value): .integer(value)
            case .pair(let values): .integerPair(values[0], values[1])
            case .word(let word): .choice(word)
            }
        }
    }

    enum CodingKeys: String, CodingKey {
        case environment = "env_id"
        case resetBoard = "reset_board"
        case arguments = "kwargs"
        case seed, policy, actions, steps
    }

    /// Every recorded episode, by id.
    static let byID = load("gem-traces")
    /// Episodes of release 0.1.0, whose fifteen puzzle shuffles differently.
    static let shuffledFifteen = load("gem-traces-fifteen-pypi-0.1.0")

    /// Episodes of release 0.1.0 with arguments of all sizes: 15 of each game.
    static let withArguments = load("gem-traces-arguments")

    private static func load(_ name: String) -> Result<[String: [Trace]], any Error> {
        Result {
            let file = try #require(Bundle.module.url(forResource: "Fixtures/\(name).jsonl", withExtension: "gz"))
            let traces = try unpacked(file).split(separator: UInt8(ascii: "\n"))
                .map { try JSONDecoder().decode(Trace.self, from: Data($0)) }
            return Dictionary(grouping: traces, by: \.environment)
        }
    }

    private static func unpacked(_ file: URL) throws -> Data {
        let gzip = Process()
        gzip.executableURL = URL(filePath: "/usr/bin/env")
        gzip.arguments = ["gzip", "-dc", file.path()]
        let output = Pipe()
        gzip.standardOutput = output
        try gzip.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        gzip.waitUntilExit()
        try #require(gzip.terminationStatus == 0)
        return data
    }
}
