import GEM
import Registry
import Transport

extension Interface {
    /// Paths that ROCK's clients may call and that mean little here.
    static let compatibilityOperations: [Operation] = [
        .rock(
            "sandbox.get_token", .get, "/get_token", "Credentials for object storage, which this server has none of",
            failure: "get oss sts token failed", query: [.optional("account", .text(most: 64))],
            .value { (_, _) async throws(Failure) -> [UInt8] in
                throw Failure(.notFound, "Object storage is not configured; files go through this server.")
            }),
        .rock(
            "sandbox.get_nacos_config", .get, "/get_nacos_config", "What ROCK's clusters tell their gateways",
            failure: "get nacos config failed", scope: .read,
            result: .object(
                .required("actor_resource", .text), .required("actor_resource_num", .number()),
                .required("gateway_num", .integer())),
            .value { (_, _) async throws(Failure) -> [UInt8] in
                Array(#"{"actor_resource":"","actor_resource_num":0.0,"gateway_num":1}"#.utf8)
            }),
        stub(.get), stub(.post),
    ]

    private static func stub(_ verb: Operation.Verb) -> Operation {
        var operation = Operation.own(
            "sandbox.proxy_stub." + verb.rawValue.lowercased(), verb, "/proxy/{sandbox_id}/{path*}",
            "Echoes what was asked for", scope: .read, body: verb == .post ? .optionalJSON([]) : .none,
            result: .object(.required("sandbox_id", .text), .required("target_path", .text)),
            .value { (call, _) async throws(Failure) -> [UInt8] in
                json { writer in
                    writer.beginObject()
                    writer.name("sandbox_id")
                    writer.string(call.sandboxID)
                    writer.name("target_path")
                    writer.string(percentDecoded(call.tail[...]) ?? "")
                    if case .optionalJSON = call.operation.body {
                        writer.name("request")
                        writer.raw(call.text.span)
                    }
                    writer.endObject()
                }
            })
        operation.isAlias = true
        return operation
    }
}
