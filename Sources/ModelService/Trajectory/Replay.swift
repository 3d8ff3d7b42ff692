import GEM
import Glibc
import Synchronization
import Transport

/// Recorded exchanges, given out again: the same request gets the same answer. A request that was never recorded gets the
/// next answer in line.
final class Replay: Sendable {
    /// The largest recording, in bytes.
    private static let sizeLimit = 1 << 30

    struct Record: Sendable {
        let path: String
        let model: String?
        /// The request as compact JSON; empty where there was none.
        let request: [UInt8]
        let response: [UInt8]?
        let statusCode: Int
        let events: [UInt8]?
    }

    private struct State {
        var wasServed: [Bool]
        var served = 0
    }

    private let records: [Record]
    private let state: Mutex<State>

    /// Reads a recording.
    ///
    /// - Throws: ``Failure``: `notFound` where there is no such file, `invalidArgument` with the line that is no record.
    init(_ path: String) async throws {
        let records = try await BlockingPool.run { try Self.read(path) }
        self.records = records
        state = Mutex(State(wasServed: Array(repeating: false, count: records.count)))
    }

    private static func read(_ path: String) throws(Failure) -> [Record] {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.notFound, "There is no recording at \(path).")
        }
        guard status.st_size <= sizeLimit else {
            throw Failure(.tooLarge, "The recording \(path) is larger than 1 GiB.")
        }
        var records: [Record] = []
        var number = 0
        var wrong: Failure?
        var tail = LineTail(path)
        try tail.read { line in
            number += 1
            if line.allSatisfy({ $0 <= 0x20 }) { return true }
            do throws(JSONError) {
                records.append(record(try JSON(parsing: line.span)))
                return true
            } catch {
                wrong = Failure(.invalidArgument, "\(path):\(number): the recording holds no JSON: \(error).")
                return false
            }
        }
        if let wrong { throw wrong }
        return records
    }

    private static func record(_ json: JSON) -> Record {
        let response = json["response"].flatMap { $0.isNull ? nil : $0.serialized }
        let succeeded = json["status"]?.string != "failure"
        return Record(
            path: json["path"]?.string ?? "/v1/chat/completions", model: json["model"]?.string,
            request: json["request"].flatMap { $0.isNull ? nil : $0.serialized } ?? [], response: response,
            statusCode: json["status_code"]?.int.flatMap { 200...599 ~= $0 ? $0 : nil } ?? (succeeded ? 200 : 500),
            events: json["events"]?.string.map { Array($0.utf8) })
    }

    /// Finds the answer to a request.
    ///
    /// - Parameters:
    ///   - request: The request's JSON; empty where it has none.
    ///   - path: What was asked.
    /// - Returns: The exchange, and whether it is that very request's.
    /// - Throws: ``Refusal`` with 404 where everything has been given out.
    func answer(to request: [UInt8], path: String) throws -> (record: Record, isExact: Bool) {
        let compact = (try? JSON(parsing: request.span))?.serialized ?? []  // a request without a body has none
        return try state.withLock { state in
            let left = records.indices.filter { !state.wasServed[$0] && records[$0].path == path }
            guard let place = left.first(where: { records[$0].request == compact }) ?? left.first else {
                throw Refusal(
                    .notFound,
                    "The recording holds no further answer for \(path): \(state.served) of \(records.count) have been given out."
                )
            }
            state.wasServed[place] = true
            state.served += 1
            return (records[place], records[place].request == compact)
        }
    }
}

extension Replay.Record {
    /// A streamed answer: as it was recorded, or the whole answer in one event.
    func stream(model: String?) -> [UInt8]? {
        if let events { return events }
        guard let response, case .object(let whole)? = try? JSON(parsing: response.span) else { return nil }
        let choices = (whole["choices"]?.array ?? []).map { choice -> JSON in
            guard case .object(let members) = choice else { return choice }
            var piece: JSON.Object = ["index": members["index"] ?? 0]
            if let text = members["text"] {
                piece["text"] = text
            } else {
                piece["delta"] = Self.delta(of: members["message"] ?? .object([:]))
            }
            piece["finish_reason"] = members["finish_reason"] ?? .null
            piece["logprobs"] = members["logprobs"] ?? .null
            return .object(piece)
        }
        var chunk: JSON.Object = [
            "id": whole["id"] ?? "chatcmpl-replay",
            "object": whole["object"]?.string == "text_completion" ? "text_completion" : "chat.completion.chunk",
            "created": whole["created"] ?? .number(.init(Int(Exchange.now))),
            "model": whole["model"] ?? (model ?? self.model).map(JSON.string) ?? .null,
            "choices": .array(choices),
        ]
        if let usage = whole["usage"] { chunk["usage"] = usage }
        return Array("data: ".utf8) + JSON.object(chunk).serialized + Array("\n\ndata: [DONE]\n\n".utf8)
    }

    /// Clients tell the pieces of tool calls apart by an index, which a whole message does without.
    private static func delta(of message: JSON) -> JSON {
        guard case .object(var members) = message, case .array(let calls)? = members["tool_calls"] else {
            return message
        }
        members["tool_calls"] = .array(
            calls.enumerated().map { place, call in
                guard case .object(let members) = call, members["index"] == nil else { return call }
                var call: JSON.Object = ["index": .number(.init(place))]
                for (name, value) in members.members { call[name] = value }
                return .object(call)
            })
        return .object(members)
    }
}
