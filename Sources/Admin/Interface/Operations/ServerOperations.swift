import GEM
import Registry
import Transport

extension Interface {
    /// The server itself: its documents, its numbers, its log.
    static let serverOperations: [Operation] = [
        Operation(
            name: "server.openapi", verbs: [.get], path: "/openapi.json", summary: "This interface as OpenAPI 3.1",
            scope: .read, form: .bare, result: .object(.required("openapi", .text)),
            action: .value { (_, services) async throws(Failure) -> [UInt8] in
                OpenAPI.document(services.interface.operations, isKeyRequired: services.isKeyRequired)
            }),
        Operation(
            name: "rpc.discover", verbs: [.get], path: "/openrpc.json", summary: "The JSON-RPC methods as OpenRPC",
            scope: .read, form: .bare, result: .object(.required("openrpc", .text)),
            action: .value { (_, services) async throws(Failure) -> [UInt8] in
                OpenRPC.document(services.interface.operations)
            }),
        Operation(
            name: "server.metrics", verbs: [.get], path: "/metrics", summary: "Everything counted, for Prometheus",
            scope: .read, form: .bytes("text/plain"),
            action: .exchange { (_, _, services) async throws(Failure) -> HTTPResponse in
                HTTPResponse(
                    headers: [HTTPField("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                    body: .bytes(services.metrics.exposition()))
            }),
        Operation(
            name: "admin.logs.reopen", verbs: [.post], path: administration + "/logs/reopen",
            summary: "Opens the log files anew, after they were moved away", scope: .admin, form: .bare,
            result: .object(.required("dropped", .integer(0...Int.max))),
            action: .value { (_, services) async throws(Failure) -> [UInt8] in
                services.logs.reopen()
                await services.logs.flush()
                return json {
                    $0.beginObject()
                    $0.name("dropped")
                    $0.integer(services.logs.dropped)
                    $0.endObject()
                }
            }),
        Operation(
            name: "admin.audit", verbs: [.get], path: administration + "/audit",
            summary: "Who changed what, youngest first", scope: .admin,
            query: [.optional("limit", .integer(1...10_000), default: 100)], form: .bare,
            result: .object(.required("entries", .list(of: auditEntry))),
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let registry = try services.needRegistry()
                let entries = try await asking { try await registry.audit(limit: call.integer("limit") ?? 100) }
                return json { writer in
                    writer.beginObject()
                    writer.name("entries")
                    writer.beginArray()
                    for entry in entries { writer.audit(entry, registry.times) }
                    writer.endArray()
                    writer.endObject()
                }
            }),
        Operation(
            name: "admin.billing", verbs: [.get], path: administration + "/billing",
            summary: "What sandboxes that stopped have used, oldest first", scope: .admin,
            query: [
                .optional("after", .integer(0...Int.max), default: 0, "The number of the last entry that is known"),
                .optional("limit", .integer(1...10_000), default: 1000),
            ], form: .bare, result: .object(.required("entries", .list(of: billingEntry))),
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let registry = try services.needRegistry()
                let (after, limit) = (Int64(call.integer("after") ?? 0), call.integer("limit") ?? 1000)
                let entries = try await asking { try await registry.billing(after: after, limit: limit) }
                return json { writer in
                    writer.beginObject()
                    writer.name("entries")
                    writer.beginArray()
                    for entry in entries { writer.billing(entry, registry.times) }
                    writer.endArray()
                    writer.endObject()
                }
            }),
    ]

    private static let billingEntry = Schema.object(
        .required("number", .integer(0...Int.max)), .required("sandbox_id", .text), .required("user_id", .text),
        .required("experiment_id", .text), .required("namespace", .text), .required("cpus", .number()),
        .required("memory_bytes", .integer(0...Int.max)), .required("start_time", .text),
        .required("stop_time", .text))

    private static let auditEntry = Schema.object(
        .required("time", .text), .required("actor", .text), .required("action", .text), .required("subject", .text),
        .required("outcome", .text), .required("detail", .text))
}

extension JSONWriter {
    fileprivate mutating func billing(_ entry: BillingEntry, _ times: TimeFormat) {
        beginObject()
        name("number")
        integer(entry.serial)
        name("cpus")
        double(entry.cpus)
        name("memory_bytes")
        integer(entry.memoryBytes)
        for (name, text) in [
            ("sandbox_id", entry.sandboxID), ("user_id", entry.userID), ("experiment_id", entry.experimentID),
            ("namespace", entry.namespace), ("start_time", times.text(entry.startTime)),
            ("stop_time", times.text(entry.stopTime)),
        ] as [(StaticString, String)] {
            self.name(name)
            string(text)
        }
        endObject()
    }

    fileprivate mutating func audit(_ entry: AuditEntry, _ times: TimeFormat) {
        beginObject()
        for (name, text) in [
            ("time", times.text(entry.time)), ("actor", entry.actor), ("action", entry.action),
            ("subject", entry.subject), ("outcome", entry.outcome), ("detail", entry.detail),
        ] as [(StaticString, String)] {
            self.name(name)
            string(text)
        }
        endObject()
    }
}
