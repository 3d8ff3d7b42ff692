import GEM
import Registry

/// The interface as an OpenAPI 3.1 document, made of the declarations that route.
enum OpenAPI {
    /// - Parameters:
    ///   - operations: The table.
    ///   - isKeyRequired: Whether callers must show an API key.
    /// - Returns: The document's JSON.
    static func document(_ operations: [Operation], isKeyRequired: Bool) -> [UInt8] {
        var paths = JSON.Object()
        var sockets: [JSON] = []
        for operation in operations {
            if operation.form == .webSocket {
                sockets.append(["path": .string(operation.path), "summary": .string(operation.summary)])
                continue
            }
            let path = operation.path.replacingTail
            var item = paths[path]?.object ?? [:]
            for verb in operation.verbs { item[verb.rawValue.lowercased()] = describe(operation, verb) }
            paths[path] = .object(item)
        }
        let document: JSON.Object = [
            "openapi": "3.1.0",
            "info": [
                "title": "Rock", "version": .string(ServerVersion.current),
                "description":
                    "Sandboxes, environments, images and keys. Environments are played over JSON-RPC at /rpc.",
            ],
            "paths": .object(paths),
            "components": [
                "securitySchemes": [
                    "bearer": ["type": "http", "scheme": "bearer"],
                    "header": ["type": "apiKey", "in": "header", "name": "X-API-Key"],
                ],
                "schemas": ["Problem": problem, "Complaints": complaints],
            ],
            // An empty requirement: it works without a key, too.
            "security": isKeyRequired
                ? [["bearer": []], ["header": []]] : [.object([:]), ["bearer": []], ["header": []]],
            "x-websockets": .array(sockets),
        ]
        return json { $0.value(.object(document)) }
    }

    private static func describe(_ operation: Operation, _ verb: Operation.Verb) -> JSON {
        var item: JSON.Object = [
            "operationId": .string(
                operation.name + (operation.isAlias ? ".alias" : "")
                    + (operation.verbs.count > 1 ? "." + verb.rawValue.lowercased() : "")),
            "summary": .string(operation.summary),
            "x-scope": .string(operation.scope.rawValue),
        ]
        var parameters: [JSON] = operation.pathParameters.map { name in
            ["name": .string(name), "in": "path", "required": true, "schema": Operation.pathSchema(name).published()]
        }
        parameters += operation.query.map { parameter($0, "query", $0.name) }
        parameters += operation.headers.map { parameter($0.field, "header", $0.header) }
        if !parameters.isEmpty { item["parameters"] = .array(parameters) }
        item["requestBody"] = verb == .get || verb == .head || verb == .options ? nil : body(operation)
        item["responses"] = .object(responses(operation))
        return .object(item)
    }

    private static func parameter(_ field: Field, _ place: JSON, _ name: String) -> JSON {
        var parameter: JSON.Object = [
            "name": .string(name), "in": place, "required": .bool(field.isRequired),
            // A query has no null: leaving out is the way to say it.
            "schema": Schema(field.schema.form).published(default: field.standard.flatMap { $0.isNull ? nil : $0 }),
        ]
        if case .list = field.schema.form { (parameter["style"], parameter["explode"]) = ("form", false) }
        if !field.summary.isEmpty { parameter["description"] = .string(field.summary) }
        return .object(parameter)
    }

    private static func body(_ operation: Operation) -> JSON? {
        switch operation.body {
        case .none: return nil
        case .bytes:
            return ["required": true, "content": ["application/octet-stream": ["schema": .object([:])]]]
        case .json(let fields), .optionalJSON(let fields):
            var isRequired = true
            if case .optionalJSON = operation.body { isRequired = false }
            return [
                "required": .bool(isRequired),
                "content": ["application/json": ["schema": Schema.object(fields).published()]],
            ]
        case .form(let fields):
            var schema = Schema.object(fields).published().object ?? [:]
            var properties = schema["properties"]?.object ?? [:]
            properties["file"] = ["type": "string", "format": "binary"]
            schema["properties"] = .object(properties)
            schema["required"] = .array((schema["required"]?.array ?? []) + ["file"])
            return ["required": true, "content": ["multipart/form-data": ["schema": .object(schema)]]]
        }
    }

    private static func responses(_ operation: Operation) -> JSON.Object {
        var responses = JSON.Object()
        let ok: JSON
        switch operation.form {
        case .envelope: ok = content("application/json", envelope(operation.result), "Success or failure")
        case .bare: ok = content("application/json", operation.result.published(), "The result")
        case .bytes(let type): ok = content(type, [:], "The bytes")
        case .passThrough, .webSocket: ok = ["description": "What answers inside the sandbox"]
        }
        responses["200"] = ok
        if operation.form == .passThrough { responses["default"] = ok }
        if case .bytes = operation.form { responses["206"] = ok }
        let problem = content("application/json", ["$ref": "#/components/schemas/Problem"], "")
        for (status, meaning) in problems(operation) {
            var answer = problem.object ?? [:]
            answer["description"] = .string(meaning)
            // Said before there is a request that anything could be known of.
            if status == "414" { answer["content"] = ["text/plain": ["schema": ["type": "string"]]] }
            responses[status] = .object(answer)
        }
        responses["422"] = content(
            "application/json", ["$ref": "#/components/schemas/Complaints"], "The request has the wrong shape")
        return responses
    }

    /// The statuses that an operation may answer besides 200 and 422.
    private static func problems(_ operation: Operation) -> [(String, String)] {
        let everywhere = [
            ("401", "No API key, or none that is known"), ("403", "The key or the page's origin does not allow it"),
            ("404", "There is no such thing"), ("405", "The path takes other methods"),
            ("413", "The body is too large"),
            ("414", "The path and query are too long"), ("429", "Too much at a time"),
            ("503", "The server is stopping"),
        ]
        if case .envelope = operation.form { return everywhere }
        return everywhere + [
            ("400", "The request makes no sense"), ("409", "It is in a state that does not allow it"),
            ("410", "It is closed"), ("500", "The server or the sandbox failed"), ("504", "It took too long"),
        ]
    }

    private static func content(_ type: String, _ schema: JSON, _ description: String) -> JSON {
        ["description": .string(description), "content": .object([type: ["schema": schema]])]
    }

    private static func envelope(_ result: Schema) -> JSON {
        [
            "type": "object", "required": ["status", "message", "error", "result"],
            "properties": [
                "status": ["type": "string", "enum": ["Success", "Failed"]],
                "message": ["type": ["string", "null"]],
                "error": ["type": ["string", "null"]],
                "result": ["anyOf": [result.published(), failedResult, ["type": "null"]]],
            ],
        ]
    }

    private static let failedResult: JSON = [
        "type": "object", "required": ["code", "failure_reason"],
        "properties": [
            "code": ["type": "integer", "enum": [4000, 5000, 6000]], "exit_code": ["type": ["integer", "null"]],
            "failure_reason": ["type": "string"],
        ],
    ]

    private static let problem: JSON = [
        "type": "object", "required": ["detail"],
        "properties": ["detail": ["type": "string"], "kind": ["type": "string"]],
    ]

    private static let complaints: JSON = [
        "type": "object", "required": ["detail"],
        "properties": [
            "detail": [
                "type": "array",
                "items": [
                    "type": "object", "required": ["type", "loc", "msg"],
                    "properties": [
                        "type": ["type": "string"], "msg": ["type": "string"], "input": [:],
                        "loc": ["type": "array", "items": ["type": ["string", "integer"]]],
                    ],
                ],
            ]
        ],
    ]
}

extension String {
    /// The path as OpenAPI writes it: `{path*}` is `{path}` there.
    fileprivate var replacingTail: String { hasSuffix("*}") ? dropLast(2) + "}" : self }
}
