import GEM
import Transport

/// A WebSocket that plays one environment: OpenEnv's messages `reset`, `step`, `state` and `close`, each answered in turn.
/// The sandbox lives as long as the connection.
struct OpenEnvConversation: Sendable {
    let session: OpenEnvSession

    func serve(_ socket: WebSocket) async throws {
        do {
            for try await message in socket {
                guard case .text(let text) = message else {
                    socket.close(.unsupportedData)  // the messages are text
                    break
                }
                guard let answer = await answer(text) else { break }
                try await socket.send(text: answer.serialized)
            }
        } catch {
            await session.close()
            throw error
        }
        await session.close()
    }

    /// The answer to one message; `nil` where the client says that it goes.
    private func answer(_ message: [UInt8]) async -> JSON? {
        let request: JSON
        do { request = try JSON(parsing: message.span) } catch {
            return Self.error("INVALID_JSON", "This is not JSON: \(error)")
        }
        do throws(Failure) {
            switch request["type"]?.string {
            case "reset": return ["type": "observation", "data": try await session.reset(request["data"] ?? [:])]
            case "step": return ["type": "observation", "data": try await session.step(request["data"] ?? [:])]
            case "state": return ["type": "state", "data": session.description]
            case "close": return nil
            case let type:
                return Self.error(
                    "UNKNOWN_TYPE", "There is no message of type \(type ?? "null"). Send reset, step, state or close.")
            }
        } catch {
            return Self.error(Self.code(of: error), error.message)
        }
    }

    private static func code(of failure: Failure) -> String {
        switch failure.kind {
        case .invalidParams, .invalidArgument, .invalidSeed, .invalidAction, .unknownEnvironment: "VALIDATION_ERROR"
        case .overloaded, .shuttingDown: "CAPACITY_REACHED"
        case .isolationRefused: "FACTORY_ERROR"
        default: "EXECUTION_ERROR"
        }
    }

    private static func error(_ code: String, _ message: String) -> JSON {
        ["type": "error", "data": ["message": .string(message), "code": .string(code)]]
    }
}
