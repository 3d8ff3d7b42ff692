// What happens inside a sandbox that has a root filesystem.
//
//   Server/         process 1 of the sandbox: its HTTP server, its children, its end
//   Sessions/       bash on a pseudo-terminal
//   Exec/           programs without a terminal
//   Files/          reading, writing, listing, archives
//   Ports/          ways to what listens inside
//   Environments/   programs that the host itself speaks with

import GEM

/// The parts of the in-sandbox interface.
enum RockletServices {
    /// All of them. A new one is a new line here.
    static func all(_ context: ServerContext, _ environments: [EnvironmentSpec]) throws -> [any Service] {
        let tree = try FileTree()
        return [
            SystemService(context),
            SessionService(context),
            ExecuteService(context),
            ExecSocket(context),
            FileService(context, tree),
            ArchiveService(tree),
            PortService(context, tree),
            try EnvironmentRoutes(environments),
        ]
    }
}
