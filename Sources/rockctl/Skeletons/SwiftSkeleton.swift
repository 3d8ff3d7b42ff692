extension Skeleton {
    /// A package in Swift that depends on nothing: the protocol is one file of it.
    static func swift(_ name: String) -> Skeleton {
        let type = typeName(name)
        return Skeleton(
            files: [
                (
                    "environment.yml",
                    "# Build it first: swift build -c release --static-swift-stdlib\n"
                        + manifest(name, command: "[.build/release/\(type)Program]")
                ),
                ("Package.swift", swiftPackage),
                ("Sources/\(type)Program/main.swift", swiftMain),
                ("Sources/\(type)Rules/Corridor.swift", swiftRules),
                ("Sources/\(type)Rules/RockEnvironment.swift", swiftModule),
                ("Tests/\(type)RulesTests/CorridorTests.swift", swiftTest),
            ].map { ($0.0, $0.1.replacing("NAME", with: type)) },
            next: [
                "cd \(name) && swift test && swift build -c release --static-swift-stdlib",
                "rockctl env register \(name)/environment.yml",
                "rockctl env check my:\(type)-v0 --url http://127.0.0.1:8080",
            ])
    }

    private static let swiftPackage = #"""
        // swift-tools-version: 6.0
        import PackageDescription

        let package = Package(
            name: "NAME",
            targets: [
                .target(name: "NAMERules"),
                .executableTarget(name: "NAMEProgram", dependencies: ["NAMERules"]),
                .testTarget(name: "NAMERulesTests", dependencies: ["NAMERules"]),
            ]
        )

        """#

    private static let swiftMain = #"""
        import NAMERules

        serve { arguments in try Corridor(length: arguments["length"] as? Int ?? 8) }

        """#

    private static let swiftRules = #"""
        import Foundation

        /// A corridor to walk through. Replace it by your own rules.
        public struct Corridor: RockEnvironment {
            let length: Int
            private(set) var place = 0
            private var random = SplitMix64(state: 0)

            public init(length: Int = 8) throws {
                guard 2...1000 ~= length else { throw Refusal(.invalidArgument, "length must be from 2 to 1000.") }
                self.length = length
            }

            public mutating func reset(seed: UInt32?) throws -> Begin {
                if let seed { random = SplitMix64(state: UInt64(seed)) }
                place = Int.random(in: 0..<(length - 1), using: &random)
                return Begin(observation: observation)
            }

            public mutating func step(_ action: String) throws -> Turn {
                // The last box counts; an action without one changes nothing.
                let boxes = ["left", "right"].compactMap { word in
                    action.range(of: "\\boxed{\(word)}", options: .backwards).map { (word: word, place: $0.lowerBound) }
                }
                switch boxes.max(by: { $0.place < $1.place })?.word {
                case "right"?: place += 1
                case "left"?: place = max(0, place - 1)
                default: break
                }
                let isOver = place == length - 1
                return Turn(observation: observation, reward: isOver ? 1 : 0, terminated: isOver)
            }

            private var observation: String {
                var cells = Array(repeating: Character("."), count: length)
                cells[length - 1] = "G"
                cells[place] = "A"
                return String(cells) + "\nWrite \\boxed{left} or \\boxed{right}."
            }

            // What follows may be left out; then the environment draws no actions, and cannot be saved and forked.

            public mutating func sampleAction() throws -> String {
                Bool.random(using: &random) ? "\\boxed{left}" : "\\boxed{right}"
            }

            public func save() throws -> String { "\(place) \(random.state)" }

            public mutating func restore(_ text: String) throws {
                let numbers = text.split(separator: " ").compactMap { UInt64($0) }
                guard numbers.count == 2, numbers[0] < UInt64(length) else {
                    throw Refusal(.invalidState, "This is no state of a corridor of length \(length).")
                }
                (place, random) = (Int(numbers[0]), SplitMix64(state: numbers[1]))
            }
        }

        /// A small generator whose state is one number.
        struct SplitMix64: RandomNumberGenerator {
            var state: UInt64

            mutating func next() -> UInt64 {
                state &+= 0x9E37_79B9_7F4A_7C15
                var word = state
                word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
                word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
                return word ^ (word >> 31)
            }
        }

        """#

    private static let swiftTest = #"""
        import Testing

        @testable import NAMERules

        @Test func theGoalIsAtTheRightEnd() throws {
            var corridor = try Corridor(length: 4)
            #expect(try corridor.reset(seed: 1).observation == corridor.reset(seed: 1).observation)
            var turn = try corridor.step("\\boxed{right}")
            while !turn.terminated { turn = try corridor.step("\\boxed{left} or \\boxed{right}") }
            #expect(turn.reward == 1)
        }

        @Test func aSavedEpisodeGoesOn() throws {
            var corridor = try Corridor()
            _ = try corridor.reset(seed: 2)
            let state = try corridor.save()
            let turn = try corridor.step("\\boxed{left}")
            try corridor.restore(state)
            #expect(try corridor.step("\\boxed{left}").observation == turn.observation)
        }

        """#
}
