// Writes to a registry as fast as it can, and says on standard output what has been acknowledged. It ends by being killed.
//
//   RegistryWriter FILE PREFIX
//
// One line for each acknowledged write: `<id> <state>`, or `<id>+ <state>` for two sandboxes, <id>a and <id>b, written by one
// transaction.

import Glibc
import Registry

let arguments = CommandLine.arguments
guard arguments.count == 3 else { exit(64) }
let registry = try SandboxRegistry(SandboxRegistry.Configuration(path: arguments[1]))
let prefix = arguments[2]

@Sendable func say(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    // Shorter than a pipe's atomic size, so lines never mix.
    if write(STDOUT_FILENO, bytes, bytes.count) != bytes.count { exit(1) }
}

@Sendable func live(_ id: String) async throws {
    try await registry.write { try $0.create(SandboxRequest(id: id)) }
    say("\(id) pending")
    try await registry.write { transaction in
        try transaction.update(id) { $0.ports = [PortMapping(inside: 8080, host: 40_000)] }
        try transaction.move(id, by: .alive)
    }
    say("\(id) running")
    try await registry.write { try $0.move(id, by: .stop, reason: "asked to") }
    say("\(id) stopped")
}

@Sendable func livePaired(_ id: String) async throws {
    try await registry.write { transaction in
        for name in ["a", "b"] { try transaction.create(SandboxRequest(id: id + name)) }
    }
    say("\(id)+ pending")
    try await registry.write { transaction in
        for name in ["a", "b"] {
            try transaction.move(id + name, by: .stop)
            try transaction.move(id + name, by: .delete)
        }
    }
    say("\(id)+ deleted")
}

say("ready")
try await withThrowingTaskGroup(of: Void.self) { group in
    for task in 0..<16 {
        group.addTask {
            for turn in 0..<100_000 {
                let id = "\(prefix)-\(task)-\(turn)"
                if turn % 4 == 0 { try await livePaired(id) } else { try await live(id) }
            }
        }
    }
    try await group.waitForAll()
}
