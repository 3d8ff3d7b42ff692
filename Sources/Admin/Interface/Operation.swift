import GEM
import Registry
import Transport

/// One thing that can be asked of a server: where it is found, what goes in, what comes out, who may ask, and what does it.
///
/// One table of these routes HTTP requests, drives JSON-RPC, and is published as OpenAPI and OpenRPC documents.
struct Operation: Sendable {
    enum Verb: String, CaseIterable, Sendable {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
        case patch = "PATCH"
        case head = "HEAD"
        case options = "OPTIONS"
    }

    /// How answers travel over HTTP.
    enum Form: Sendable, Equatable {
        /// ROCK's: status 200, `Success` or `Failed`; `failure` is the fixed text of what failed.
        case envelope(failure: String)
        /// The result by itself; failures as `{"detail", "kind"}` with a status of their own.
        case bare
        /// Bytes of this content type; failures as in ``bare``.
        case bytes(String)
        /// The connection becomes a WebSocket; failures before that as in ``bare``.
        case webSocket
        /// Whatever the program inside the sandbox answers, HTTP or WebSocket.
        case passThrough
    }

    enum Body: Sendable {
        case none
        /// A JSON object with these members, and perhaps others that nobody looks at.
        case json([Field])
        /// The same, but the whole body may be missing.
        case optionalJSON([Field])
        /// A form with these fields and one file, read as it arrives.
        case form([Field])
        /// Anything, read as it arrives.
        case bytes
    }

    /// A request header that counts as a parameter.
    struct Header: Sendable {
        let header: String
        /// The parameter it stands for; its value when the header is absent.
        let field: Field
    }

    enum Action: Sendable {
        /// Answers the JSON of the result. Such operations can be called over JSON-RPC, too.
        case value(@Sendable (Call, Services) async throws(Failure) -> [UInt8])
        /// Reads the request or writes the answer itself.
        case exchange(@Sendable (Call, HTTPRequest, Services) async throws(Failure) -> HTTPResponse)
    }

    /// Such as `sandbox.start`: the JSON-RPC method and the operation id.
    let name: String
    let verbs: [Verb]
    /// From the root: `/apis/…/sandboxes/{sandbox_id}`. `{path*}` at the end takes the rest, slashes included.
    let path: String
    let summary: String
    let scope: APIScope
    var query: [Field] = []
    var headers: [Header] = []
    var body = Body.none
    let form: Form
    var result = Schema.any
    /// Whether it leaves an entry in the audit log: everything that changes something for longer than a command.
    var isAudited = false
    /// Whether it stays out of JSON-RPC: a second path to the same thing.
    var isAlias = false
    /// What a successful envelope says; nothing as a rule.
    var message: String?
    /// Whether the query may hold other items, which become ``Call/filters``.
    var takesFilters = false
    let action: Action

    /// The same with `message` in its envelope.
    func saying(_ message: String) -> Operation {
        var operation = self
        operation.message = message
        return operation
    }

    /// Whether it can be called over JSON-RPC.
    var isRemoteProcedure: Bool {
        if case .value = action { !isAlias } else { false }
    }

    /// The names in the path's braces.
    var pathParameters: [String] {
        path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
            String($0.dropFirst().dropLast().prefix { $0 != "*" })
        }
    }

    /// What stands for a name in the path's braces.
    static func pathSchema(_ name: String) -> Schema { name == "path" ? .text : .text(least: 1, most: 128) }

    /// The members of the body, where it has members.
    var bodyFields: [Field] {
        switch body {
        case .json(let fields), .optionalJSON(let fields), .form(let fields): fields
        case .none, .bytes: []
        }
    }

    /// Every parameter wherever it is, in the order in which JSON-RPC takes them by position.
    var parameters: [Field] {
        pathParameters.map { .required($0, Self.pathSchema($0)) } + query + bodyFields + headers.map(\.field)
    }
}

extension Operation {
    /// Adds to `members` the defaults of those left out.
    func fillIn(_ members: inout JSON.Object) {
        for field in query + bodyFields + headers.map(\.field) {
            if let standard = field.standard, members[field.name] == nil { members[field.name] = standard }
        }
    }
}

/// One call of an operation, checked: every parameter has the type that the operation declares.
struct Call: Sendable {
    let operation: Operation
    let caller: Caller
    /// The parameters, wherever they came from; those left out have their defaults.
    private(set) var members: JSON.Object
    /// The JSON object that the client sent, as it wrote it: for passing on.
    let text: [UInt8]
    /// What `{path*}` matched, still percent-encoded.
    var tail: [UInt8] = []
    /// The client's connection, for leases; `nil` where there is none to lose.
    var connection: ClientConnection?
    /// Follows a request through logs.
    var trace = ""
    /// Items of the query that no parameter is called by.
    var filters: [(name: String, text: String)] = []

    /// The text called `name`; `nil` where it is absent or null.
    func text(_ name: String) -> String? { members[name]?.string }

    /// The whole number called `name`; `nil` where it is absent or null.
    func integer(_ name: String) -> Int? { members[name]?.wholeNumber }

    /// The number called `name`; `nil` where it is absent or null.
    func number(_ name: String) -> Double? { members[name]?.double }

    /// Whether `name` is true; `false` where it is absent or null.
    func isTrue(_ name: String) -> Bool { members[name]?.bool ?? false }

    /// The texts of the list called `name`.
    func texts(_ name: String) -> [String] { members[name]?.array?.compactMap(\.string) ?? [] }

    /// The id of the sandbox it is about; empty where it is about none.
    var sandboxID: String {
        get { text("sandbox_id") ?? "" }
        set { members["sandbox_id"] = .string(newValue) }
    }

    init(operation: Operation, caller: Caller, members: JSON.Object, text: [UInt8]) {
        (self.operation, self.caller, self.members, self.text) = (operation, caller, members, text)
    }
}
