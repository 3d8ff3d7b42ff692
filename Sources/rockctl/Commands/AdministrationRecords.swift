import GEM
import Transport

private let limit = Option("limit", .integer(1...10_000), default: 100, summary: "How many at most")
private let after = Option(
    "after", .integer(0...Int.max), default: 0, summary: "Only entries behind the one with this number")

extension Command {
    /// `rockctl admin audit`.
    static let administrationAudit: Command = .init(
        "audit", summary: "Show who changed what, youngest first",
        options: [limit, ServerAccess.json] + ServerAccess.options
    ) { call in
        let answer = try await ServerAccess.open(call).call(
            "admin.audit", ["limit": .number(.init(call[limit]))])
        try table(
            answer, ["time", "actor", "action", "subject", "outcome", "detail"], call)
        return .success
    }

    /// `rockctl admin billing`.
    static let administrationBilling: Command = .init(
        "billing", summary: "Show what sandboxes that stopped have used, oldest first",
        options: [after, limit, ServerAccess.json] + ServerAccess.options,
        examples: [.init("rockctl admin billing --after 1000 --json", "What came since, for a program.")]
    ) { call in
        let answer = try await ServerAccess.open(call).call(
            "admin.billing", ["after": .number(.init(call[after])), "limit": .number(.init(call[limit]))])
        try table(
            answer,
            ["number", "sandbox_id", "user_id", "namespace", "cpus", "memory_bytes", "start_time", "stop_time"], call)
        return .success
    }

    /// `rockctl admin metrics`.
    static let administrationMetrics: Command = .init(
        "metrics", summary: "Show everything counted, in the form that Prometheus reads", options: ServerAccess.options
    ) { call in
        let server = try await ServerAccess.open(call)
        try call.console.write(bytes: try await server.send(HTTPClientRequest("GET", "/metrics")))
        return .success
    }

    /// The answer's entries, as a table of `columns` or as JSON.
    private static func table(_ answer: JSON, _ columns: [String], _ call: Invocation) throws {
        if call[ServerAccess.json] { return try call.console.write(ImageArgument.line(answer)) }
        let rows = (answer["entries"]?.array ?? []).map { entry in
            columns.map { column in
                let value = entry[column] ?? .null
                return printable(
                    value.isNull ? "–" : value.string ?? String(decoding: value.serialized, as: UTF8.self), limit: 100)
            }
        }
        let heads = columns.map { column in column.uppercased().map { $0 == "_" ? " " : String($0) }.joined() }
        try call.console.write(Table(heads, rows).text(style: call.console.style))
    }
}
