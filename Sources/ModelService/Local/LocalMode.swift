import GEM
import Glibc
import Synchronization
import Transport

/// Answers agents with what a training loop says.
struct LocalMode: Mode {
    /// How many processes may be watched.
    private static let watchLimit = 1024

    private let conversation: Conversation
    private let trajectory: TrajectoryFile
    private let loop: EventLoop
    private let findProcess: @Sendable (Int32) async -> Int32?
    private let log: ServiceLog
    private let watched = Watched()

    private final class Watched: Sendable {
        let count = Atomic(0)
    }

    init(
        _ conversation: Conversation, _ trajectory: TrajectoryFile, _ configuration: ModelServiceConfiguration,
        on loop: EventLoop, log: ServiceLog
    ) {
        findProcess = configuration.findProcess
        (self.conversation, self.trajectory, self.loop, self.log) = (conversation, trajectory, loop, log)
    }

    func answer(_ request: HTTPRequest, path: String) async throws -> HTTPResponse {
        switch path {
        case "/v1/chat/completions":
            guard request.isMethod("POST") else { throw Refusal.wrongMethod }
            return try await complete(try await Door.object(of: request))
        case "/v1/agent/watch":
            guard request.isMethod("POST") else { throw Refusal.wrongMethod }
            return try await watch(try await Door.object(of: request))
        default: throw Refusal.notFound
        }
    }

    private func complete(_ body: [UInt8]) async throws -> HTTPResponse {
        let request: JSON
        do throws(JSONError) { request = try JSON(parsing: body.span) } catch {
            throw Refusal(.badRequest, "Request body is not valid JSON: \(error).")
        }
        let answer = try await conversation.ask(request)
        await trajectory.write(
            JSONWriter.bytes { writer in
                writer.beginObject()
                writer.name("request")
                writer.raw(body.span)
                writer.name("response")
                writer.raw(answer.span)
                writer.endObject()
            }, log)
        return .json(.ok, answer)
    }

    private func watch(_ body: [UInt8]) async throws -> HTTPResponse {
        guard let pid = (try? JSON(parsing: body.span))?["pid"], !pid.isNull else {  // checked to be JSON before
            throw Refusal(.badRequest, "Missing 'pid' in request body")
        }
        guard let number = pid.int.flatMap(Int32.init(exactly:)), number > 0 else {
            throw Refusal(.badRequest, "'pid' must be a process id: a whole number above 0.")
        }
        guard watched.count.wrappingAdd(1, ordering: .relaxed).newValue <= Self.watchLimit else {
            watched.count.wrappingSubtract(1, ordering: .relaxed)
            throw Refusal(429, "\(Self.watchLimit) processes are watched already.")
        }
        let (conversation, watched, log) = (conversation, watched, log)
        // One that is not there has ended.
        let process = await findProcess(number) ?? 0
        _ = try AgentWatch(process, on: loop) {
            watched.count.wrappingSubtract(1, ordering: .relaxed)
            log.info("The agent's process \(number) has ended; the conversation ends.")
            // Owned by nobody: it ends by itself when the line is written.
            Task {
                do { try await conversation.end() } catch {
                    log.error("The conversation's end cannot be written: \((error as? Failure)?.message ?? "\(error)")")
                }
            }
        }
        log.info("Watching the agent's process \(number).")
        return .json(.ok, Array(#"{"status":"watching","pid":\#(number)}"#.utf8))
    }
}
