import GEM
import Registry
import SandboxHost

/// Speaks JSON-RPC 2.0, whatever carries the messages: bytes in, bytes out.
struct RPCDoor: Sendable {
    let calls: EnvironmentCalls
    let interface: InterfaceDoor
    /// Requests in one batch.
    let batchLimit: Int

    /// Answers one message.
    ///
    /// The requests of a batch run side by side; those for one sandbox keep their order, because each is passed to its
    /// sandbox before the next begins and a sandbox answers in turn.
    ///
    /// - Parameters:
    ///   - message: One request or one batch, UTF-8 JSON.
    ///   - caller: Who sent it.
    ///   - connection: The client's connection, for leases; `nil` where there is none to lose.
    /// - Returns: The answer; `nil` where only notifications were sent.
    func answer(_ message: [UInt8], caller: Caller, connection: ClientConnection?) async -> [UInt8]? {
        let parsed: RPCMessage
        do throws(Failure) {
            parsed = try RPCMessage(parsing: message.span, batchLimit: batchLimit)
        } catch {
            var answer: [UInt8] = []
            RPCAnswer.append(error, id: nil, to: &answer)
            return answer
        }
        switch parsed {
        case .single(let item): return await answer(item, of: message, caller, connection)
        case .batch(let items): return await answer(items, of: message, caller, connection)
        }
    }

    private func answer(
        _ items: [RPCMessage.Item], of message: [UInt8], _ caller: Caller, _ connection: ClientConnection?
    ) async -> [UInt8]? {
        var found = [[UInt8]?](repeating: nil, count: items.count)
        var start = 0
        while start < items.count {
            // A sandbox is closed when what was asked of it before is done: side by side, closing would overtake that.
            let end = items[(start + 1)...].firstIndex(where: Self.isClosing) ?? items.count
            await withTaskGroup(of: (place: Int, answer: [UInt8]?).self) { group in
                for place in start..<end {
                    group.addTask { (place, await answer(items[place], of: message, caller, connection)) }
                }
                for await (place, answer) in group { found[place] = answer }
            }
            start = end
        }
        let answers = found.compactMap(\.self)
        if answers.isEmpty { return nil }
        return [UInt8(ascii: "[")] + answers.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
    }

    private static func isClosing(_ item: RPCMessage.Item) -> Bool {
        if case .request(let request) = item { request.method == Method.close.rawValue } else { false }
    }

    private func answer(
        _ item: RPCMessage.Item, of message: [UInt8], _ caller: Caller, _ connection: ClientConnection?
    ) async -> [UInt8]? {
        var answer: [UInt8] = []
        switch item {
        case .invalid(let failure, let id):
            if let id {
                RPCAnswer.append(failure, id: message.span.extracting(id), to: &answer)
            } else {
                RPCAnswer.append(failure, id: nil, to: &answer)
            }
        case .request(let request):
            let outcome: Result<Reply, Failure>
            do throws(Failure) {
                outcome = .success(try await perform(request, of: message, caller, connection))
            } catch {
                outcome = .failure(error)
            }
            guard let id = request.id else { return nil }
            switch outcome {
            case .success(.result(let bytes)):
                RPCAnswer.append(result: bytes.span, id: message.span.extracting(id), to: &answer)
            case .success(.error(let bytes)):
                RPCAnswer.append(error: bytes.span, id: message.span.extracting(id), to: &answer)
            case .failure(let failure):
                RPCAnswer.append(failure, id: message.span.extracting(id), to: &answer)
            }
        }
        return answer
    }

    private func perform(
        _ request: RPCRequest, of message: [UInt8], _ caller: Caller, _ connection: ClientConnection?
    ) async throws(Failure) -> Reply {
        guard let method = Method(rawValue: request.method) else {
            return try await performOperation(request, of: message, caller, connection)
        }
        let start = monotonicNanoseconds()
        let metrics = interface.services.metrics
        do throws(Failure) {
            guard caller.may(method.scope) else {
                throw Failure(
                    .forbidden, "\(method.rawValue) needs a key of scope user; this one has \(caller.scope.rawValue).")
            }
            var params = try request.namedParams(method.parameters, of: message.span)
            // The sandbox reads lines: a pretty-printed object must become one.
            JSON.joinLines(of: &params)
            let reply = try await calls.perform(method, params: params, caller: caller, connection: connection)
            metrics.record(method, since: start, failed: reply.isError)
            return reply
        } catch {
            metrics.record(method, since: start, failed: true)
            metrics.record(error)
            throw error
        }
    }

    /// Calls what is no environment's method.
    private func performOperation(
        _ request: RPCRequest, of message: [UInt8], _ caller: Caller, _ connection: ClientConnection?
    ) async throws(Failure) -> Reply {
        guard let place = interface.services.interface.procedure(request.method) else {
            let names = Method.allCases.map(\.rawValue) + interface.services.interface.procedureNames
            let suggestion = Spelling.suggestion(for: request.method, among: names)
            throw Failure(.methodNotFound, "There is no method \"\(request.method.prefix(64))\".\(suggestion)")
        }
        let params: [UInt8] =
            switch request.params {
            case .named(let range), .positional(let range): Array(message[range])
            case .none: Array("{}".utf8)
            }
        return .result(try await interface.call(place, params: params, caller: caller, connection: connection)[...])
    }
}

extension Reply {
    /// Whether the sandbox answered an error.
    var isError: Bool {
        switch self {
        case .result: false
        case .error: true
        }
    }
}
