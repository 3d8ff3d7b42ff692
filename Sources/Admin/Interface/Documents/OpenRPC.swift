import GEM
import Registry

/// The JSON-RPC methods as an OpenRPC document, which `rpc.discover` answers.
enum OpenRPC {
    /// - Parameter operations: The table; those that can be called over JSON-RPC are listed.
    /// - Returns: The document's JSON.
    static func document(_ operations: [Operation]) -> [UInt8] {
        let methods = Method.allCases.map(environment) + operations.filter(\.isRemoteProcedure).map(describe)
        let document: JSON = [
            "openrpc": "1.3.2", "info": ["title": "Rock", "version": .string(ServerVersion.current)],
            "methods": .array(methods),
        ]
        return json { $0.value(document) }
    }

    private static func describe(_ operation: Operation) -> JSON {
        [
            "name": .string(operation.name), "summary": .string(operation.summary), "paramStructure": "either",
            "params": .array(operation.parameters.map(parameter)),
            "result": ["name": "result", "schema": operation.result.published()],
            "x-scope": .string(operation.scope.rawValue),
        ]
    }

    private static func parameter(_ field: Field) -> JSON {
        var parameter: JSON.Object = [
            "name": .string(field.name), "required": .bool(field.isRequired), "schema": field.published,
        ]
        if !field.summary.isEmpty { parameter["description"] = .string(field.summary) }
        return .object(parameter)
    }

    /// A method of the environments; what its params may be, the environment's own documentation says.
    private static func environment(_ method: Method) -> JSON {
        [
            "name": .string(method.rawValue), "summary": "A call to an environment", "paramStructure": "either",
            "params": .array(
                method.parameters.map { ["name": .string($0.description), "schema": [:], "required": false] }),
            "result": ["name": "result", "schema": ["type": "object"]],
        ]
    }
}
