import GEM

// Everything that can be asked of a server, declared once.
//
//   Interface.swift     the table, put together
//   Operation.swift     one row of it, and one call
//   Schema*.swift       what values must be: checked, and published
//   Router.swift        from a path to a row
//   Documents/          the table as OpenAPI and as OpenRPC
//   Operations/         the rows, by what they are about

/// The table of operations, with what is looked up in it.
struct Interface: Sendable {
    let operations: [Operation]
    let router: Router
    private let procedures: [String: Int]

    init(_ operations: [Operation] = Interface.all) {
        self.operations = operations
        router = Router(operations)
        var procedures: [String: Int] = [:]
        for (place, operation) in operations.enumerated() where operation.isRemoteProcedure {
            procedures[operation.name] = place
        }
        self.procedures = procedures
    }

    /// Every operation there is.
    static let all: [Operation] =
        serverOperations + keyOperations + catalogOperations + environmentOperations + liveEnvironmentOperations
        + sandboxLifeOperations + sandboxCallOperations + fileOperations + modelServiceOperations
        + sandboxStreamOperations + uploadOperations + imageOperations + imageTransferOperations + settingOperations
        + taskOperations + compatibilityOperations

    /// The place of the JSON-RPC method called `name`.
    func procedure(_ name: String) -> Int? { procedures[name] }

    /// The names of all JSON-RPC methods of the table.
    var procedureNames: [String] { operations.filter(\.isRemoteProcedure).map(\.name) }

    /// The path in front of ROCK's sandbox interface.
    static let sandboxes = "/apis/envs/sandbox/v1"
    /// The path in front of what only this server has: keys, images, the audit log.
    static let administration = "/apis/admin/v1"
}
