import GEM
import Registry
import Transport

/// Carries out the interface's operations, whether they came by path or by JSON-RPC: who asks, what for, what came of it.
struct InterfaceDoor: Sendable {
    let services: Services
    let access: Access
    let messageBytes: Int

    private var interface: Interface { services.interface }

    // MARK: - HTTP

    /// Answers `request`.
    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        switch interface.router.find(request.rawPath, method: request.rawMethod) {
        case .unknown: return .problem(.notFound, "Not Found")
        case .wrongMethod(let allowed):
            let fields = [HTTPField("Allow", allowed.joined(separator: ", "))]
            if request.isMethod("OPTIONS") { return HTTPResponse(204, headers: fields) }
            return .problem(405, "Method Not Allowed", headers: fields)
        case .found(let found): return await answer(request, found)
        }
    }

    private func answer(_ request: HTTPRequest, _ found: Router.Found) async -> HTTPResponse {
        let start = monotonicNanoseconds()
        let operation = interface.operations[found.operation]
        let trace = Trace.id(of: request.headers)
        let caller: Caller
        do throws(Access.Refusal) {
            caller = try admit(try access.caller(of: request), to: operation)
        } catch {
            return refuse(error, request, operation, trace)
        }
        var call: Call?
        var failure: Failure?
        var response: HTTPResponse
        do throws(Rejection) {
            let read = try await read(request, found, operation, caller, trace)
            call = read
            logRequest(read, request)
            do throws(Failure) {
                response = try await perform(read, request)
            } catch {
                failure = error
                response = self.response(to: error, operation.form)
            }
        } catch {
            failure = error.failure
            response = error.response
        }
        response.headers.append(HTTPField("eagleeye-traceid", trace))
        services.metrics.record(operation: found.operation, since: start, failure: failure)
        if operation.isAudited { note(call, operation, caller, failure) }
        logResponse(operation, call, response, failure, start, trace)
        return response
    }

    private func perform(_ call: Call, _ request: HTTPRequest) async throws(Failure) -> HTTPResponse {
        switch call.operation.action {
        case .exchange(let body): return try await body(call, request, services)
        case .value(let body):
            let result = try await body(call, services)
            switch call.operation.form {
            case .envelope: return .json(.ok, Envelope.success(result, message: call.operation.message))
            case .bare, .bytes, .webSocket, .passThrough: return .json(.ok, result)
            }
        }
    }

    /// A request that is not taken, with the answer to it.
    fileprivate struct Rejection: Error {
        let failure: Failure
        let response: HTTPResponse
    }

    /// Reads the parameters of `request` wherever they are, and checks them.
    private func read(
        _ request: HTTPRequest, _ found: Router.Found, _ operation: Operation, _ caller: Caller, _ trace: String
    ) async throws(Rejection) -> Call {
        var text: [UInt8] = []
        var body = JSON.Object()
        var complaints: [Complaint] = []
        switch operation.body {
        case .none, .bytes, .form: break
        case .json(let fields), .optionalJSON(let fields):
            do { text = try await request.body.collect(upTo: messageBytes) } catch {
                throw Rejection(
                    Failure(.tooLarge, "A body may have at most \(messageBytes) bytes."), operation.form)
            }
            var isRequired = true
            if case .optionalJSON = operation.body { isRequired = false }
            if text.isEmpty, !isRequired { text = Array("{}".utf8) }
            do {
                let json = try JSON(parsing: text.span)
                Schema.object(fields).check(json, at: ["body"], &complaints)
                body = json.object ?? [:]
            } catch {
                complaints.append(
                    text.isEmpty
                        ? Complaint(type: "missing", place: ["body"], message: "Field required")
                        : Complaint(type: "json_invalid", place: ["body"], message: "JSON decode error: \(error)"))
            }
        }
        var members = body
        for (name, argument) in zip(found.names, found.arguments) {
            let value = JSON.string(argument)
            Operation.pathSchema(name).check(value, at: ["path", name], &complaints)
            members[name] = value
        }
        let query = operation.query.isEmpty ? [] : request.query
        for field in operation.query {
            guard let item = query.first(where: { $0.name == field.name }) else {
                if field.isRequired {
                    complaints.append(
                        Complaint(type: "missing", place: ["query", field.name], message: "Field required"))
                }
                continue
            }
            let value = field.schema.value(ofText: item.value)
            Schema(field.schema.form).check(value, at: ["query", field.name], &complaints)
            members[field.name] = value
        }
        for header in operation.headers {
            guard let text = request.headers.first(named: header.header), !text.isEmpty else { continue }
            let value = header.field.schema.value(ofText: text)
            header.field.schema.check(value, at: ["header", header.header], &complaints)
            members[header.field.name] = value
        }
        guard complaints.isEmpty else { throw Rejection(complaints) }
        operation.fillIn(&members)
        var call = Call(operation: operation, caller: caller, members: members, text: text)
        call.tail = found.tail
        call.connection = ClientConnection(request.connection)
        call.trace = trace
        call.filters = operation.takesFilters ? Self.filters(request.query, operation) : []
        return call
    }

    /// The items of a query that no parameter is called by.
    private static func filters(_ query: [HTTPQueryItem], _ operation: Operation) -> [(name: String, text: String)] {
        query.filter { item in !operation.query.contains { $0.name == item.name } }.map { ($0.name, $0.value) }
    }

    // MARK: - JSON-RPC

    /// Carries out the JSON-RPC method at `place` of the table.
    ///
    /// - Parameters:
    ///   - place: From ``Interface/procedure(_:)``.
    ///   - params: A JSON object, or a list in the order of the operation's parameters.
    ///   - caller: Who asks.
    ///   - connection: The client's connection, for leases; `nil` where there is none to lose.
    /// - Returns: The JSON of the result.
    /// - Throws: ``Failure``.
    func call(
        _ place: Int, params: [UInt8], caller: Caller, connection: ClientConnection?
    ) async throws(Failure) -> [UInt8] {
        let start = monotonicNanoseconds()
        let operation = interface.operations[place]
        let trace = Trace.make()
        var call: Call?
        do throws(Failure) {
            var read = try read(params, operation, caller, trace)
            read.connection = connection
            call = read
            guard case .value(let body) = operation.action else {
                throw Failure(.methodNotFound, "\(operation.name) can only be called over HTTP at \(operation.path).")
            }
            var result = try await body(read, services)
            // Some carry messages as lines, and this may come from inside a sandbox.
            JSON.joinLines(of: &result)
            services.metrics.record(operation: place, since: start, failure: nil)
            if operation.isAudited { note(call, operation, caller, nil) }
            return result
        } catch {
            services.metrics.record(operation: place, since: start, failure: error)
            if operation.isAudited { note(call, operation, caller, error) }
            throw error
        }
    }

    private func read(
        _ params: [UInt8], _ operation: Operation, _ caller: Caller, _ trace: String
    ) throws(Failure) -> Call {
        do throws(Access.Refusal) { _ = try admit(caller, to: operation) } catch { throw error.failure }
        let given: JSON
        do { given = try JSON(parsing: params.span) } catch {
            throw Failure(.invalidParams, "The params cannot be read: \(error).")
        }
        var members = JSON.Object()
        var text = params
        switch given {
        case .object(let object): members = object
        case .array(let items):
            let fields = operation.parameters
            guard items.count <= fields.count else {
                throw Failure(
                    .invalidParams,
                    "\(operation.name) takes at most \(fields.count) parameters: \(fields.map(\.name).joined(separator: ", "))."
                )
            }
            for (field, item) in zip(fields, items) { members[field.name] = item }
            text = json { $0.value(.object(members)) }
        default: throw Failure(.invalidParams, "The params must be an object or a list.")
        }
        var complaints: [Complaint] = []
        // What may be left out may also be null here: JSON-RPC has no other way to skip a position.
        for field in operation.parameters where field.isRequired || members[field.name]?.isNull == false {
            field.check(members, at: [], &complaints)
        }
        guard complaints.isEmpty else { throw Failure(.invalidParams, complaints.sentence) }
        operation.fillIn(&members)
        var call = Call(operation: operation, caller: caller, members: members, text: text)
        call.trace = trace
        if operation.takesFilters, let filters = members["filters"]?.object {
            call.filters = filters.members.compactMap { member in member.value.string.map { (member.name, $0) } }
        }
        return call
    }

    // MARK: - Who may

    private func admit(_ caller: Caller, to operation: Operation) throws(Access.Refusal) -> Caller {
        guard caller.may(operation.scope) else {
            throw Access.Refusal(
                failure: Failure(
                    .forbidden,
                    "\(operation.name) needs a key of scope \(operation.scope.rawValue); this one has \(caller.scope.rawValue)."
                ))
        }
        return caller
    }

    private func refuse(
        _ refusal: Access.Refusal, _ request: HTTPRequest, _ operation: Operation, _ trace: String
    ) -> HTTPResponse {
        services.metrics.refusals.add()
        services.metrics.record(refusal.failure)
        Log(services.logs, "access")(
            .warning, "\(request.peer) may not call \(operation.name): \(refusal.failure.message)", trace: trace)
        return .refusal(refusal)
    }

    private func note(_ call: Call?, _ operation: Operation, _ caller: Caller, _ failure: Failure?) {
        let subject = ["sandbox_id", "key_id", "name", "env_name", "env_id"].lazy.compactMap { call?.text($0) }.first
        services.registry?.note(
            actor: caller.name, action: operation.name, subject: subject ?? "",
            outcome: failure?.kind.rawValue ?? "ok", detail: failure?.message ?? "")
    }

    // MARK: - Answers

    private func response(to failure: Failure, _ form: Operation.Form) -> HTTPResponse {
        var response: HTTPResponse
        switch form {
        case .envelope(let message): response = .json(.ok, Envelope.failure(failure, message: message))
        case .passThrough: response = .json(.ok, Envelope.failure(failure, message: "proxy failed"))
        case .bare, .bytes, .webSocket:
            response = .problem(
                HTTPStatus(rawValue: UInt16(failure.kind.httpStatus)), failure.message, kind: failure.kind)
        }
        if failure.kind == .overloaded {
            response.headers.append(HTTPField("Retry-After", "\(services.sandboxes?.retrySeconds ?? 1)"))
        }
        return response
    }

    // MARK: - The log

    private func logRequest(_ call: Call, _ request: HTTPRequest) {
        AccessLog(logs: services.logs).request(call, request)
    }

    private func logResponse(
        _ operation: Operation, _ call: Call?, _ response: HTTPResponse, _ failure: Failure?, _ start: Int,
        _ trace: String
    ) {
        AccessLog(logs: services.logs).response(
            operation, sandbox: call?.sandboxID ?? "", status: response.status, failure: failure,
            milliseconds: Double(monotonicNanoseconds() - start) / 1e6, trace: trace)
    }
}

extension InterfaceDoor.Rejection {
    fileprivate init(_ failure: Failure, _ form: Operation.Form) {
        self.failure = failure
        response = .problem(HTTPStatus(rawValue: UInt16(failure.kind.httpStatus)), failure.message, kind: failure.kind)
    }

    fileprivate init(_ complaints: [Complaint]) {
        failure = Failure(.invalidParams, complaints.sentence)
        response = .json(422, json { $0.complaints(complaints) })
    }
}
