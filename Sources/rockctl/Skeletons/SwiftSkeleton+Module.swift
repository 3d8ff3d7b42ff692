extension Skeleton {
    /// What speaks with the server for a program in Swift.
    static let swiftModule = #"""
        // Serves environments to Rock: lines of JSON-RPC 2.0 on standard input and output.

        import Foundation

        /// One environment. A copy is a second one.
        public protocol RockEnvironment {
            /// Begins an episode; without a seed the random stream goes on.
            mutating func reset(seed: UInt32?) throws -> Begin
            /// Plays one turn.
            mutating func step(_ action: String) throws -> Turn
            /// An action for those who try the environment out.
            mutating func sampleAction() throws -> String
            /// Everything that decides how the episode goes on.
            func save() throws -> String
            mutating func restore(_ text: String) throws
        }

        extension RockEnvironment {
            public func sampleAction() throws -> String { throw Refusal(.methodNotFound, "It draws no actions.") }
            public func save() throws -> String { throw Refusal(.methodNotFound, "It cannot be saved.") }
            public func restore(_ text: String) throws { throw Refusal(.methodNotFound, "It cannot be restored.") }
        }

        /// What an agent sees first.
        public struct Begin {
            public var observation: String
            /// Values that JSON can carry.
            public var info: [String: Any]

            public init(observation: String, info: [String: Any] = [:]) {
                (self.observation, self.info) = (observation, info)
            }
        }

        /// What a turn did.
        public struct Turn {
            public var observation: String
            public var reward: Double
            public var terminated: Bool
            public var truncated: Bool
            public var info: [String: Any]

            public init(
                observation: String, reward: Double, terminated: Bool = false, truncated: Bool = false,
                info: [String: Any] = [:]
            ) {
                (self.observation, self.reward, self.info) = (observation, reward, info)
                (self.terminated, self.truncated) = (terminated, truncated)
            }
        }

        /// A call that is refused without breaking the episode off.
        public struct Refusal: Error {
            public enum Kind: Int, Sendable {
                case methodNotFound = -32601
                case invalidArgument = -32002
                case invalidSeed = -32007
                case invalidAction = -32008
                case invalidState = -32015
            }

            public let kind: Kind
            public let message: String

            public init(_ kind: Kind, _ message: String) { (self.kind, self.message) = (kind, message) }
        }

        /// Answers until standard input ends. Print nothing yourself: standard output belongs to the answers.
        ///
        /// - Parameter make: Gives one environment for the arguments of a make.
        public func serve<Environment: RockEnvironment>(_ make: ([String: Any]) throws -> Environment) {
            var environments: [Environment] = []
            while let line = readLine() {
                let request = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any] ?? [:]
                var answer: [String: Any] = ["jsonrpc": "2.0", "id": request["id"] ?? NSNull()]
                do {
                    let params = request["params"] as? [String: Any] ?? [:]
                    answer["result"] = try perform(request["method"] as? String ?? "", params, &environments, make)
                } catch let refusal as Refusal {
                    answer["error"] = ["code": refusal.kind.rawValue, "message": refusal.message] as [String: Any]
                } catch {
                    answer["error"] = ["code": -32010, "message": "\(error)"] as [String: Any]
                }
                guard let bytes = try? JSONSerialization.data(withJSONObject: answer) else {
                    fatalError("This answer is not JSON: \(answer)")
                }
                FileHandle.standardOutput.write(bytes + [0x0A])
            }
        }

        private func perform<Environment: RockEnvironment>(
            _ method: String, _ params: [String: Any], _ environments: inout [Environment],
            _ make: ([String: Any]) throws -> Environment
        ) throws -> [String: Any] {
            let index = params["index"] as? Int ?? 0
            switch method {
            case "make":
                for _ in 0..<(params["num_envs"] as? Int ?? 1) {
                    environments.append(try make(params["kwargs"] as? [String: Any] ?? [:]))
                }
                return [:]
            case "reset":
                let begin = try environments[index].reset(seed: (params["seed"] as? Int).flatMap(UInt32.init(exactly:)))
                return ["observation": begin.observation, "info": begin.info]
            case "step":
                let turn = try environments[index].step(params["action"] as? String ?? "")
                return [
                    "observation": turn.observation, "reward": turn.reward, "terminated": turn.terminated,
                    "truncated": turn.truncated, "info": turn.info,
                ]
            case "sample_action": return ["action": try environments[index].sampleAction()]
            case "save": return ["state": try environments[index].save()]
            case "restore":
                try environments[index].restore(params["state"] as? String ?? "")
                return [:]
            default: throw Refusal(.methodNotFound, "There is no method \(method).")
            }
        }

        """#
}
