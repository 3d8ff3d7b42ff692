import GEM

extension Command {
    /// `rockctl sandbox ports`.
    static let sandboxPorts: Command = .init(
        "ports", summary: "Show where a sandbox's ports are to be had",
        options: [ServerAccess.json] + ServerAccess.options, positionals: [SandboxArgument.one],
        examples: [.init("rockctl sandbox ports 3f2a", "Lines such as '8000 -> 127.0.0.1:40123'.")]
    ) { call in
        let server = try await ServerAccess.open(call)
        let id = try await SandboxArgument.resolve(call[SandboxArgument.one], server)
        let status = try await server.call(
            "sandbox.get_status", ["sandbox_id": .string(id), "include_all_states": true])
        try call.console.write(
            call[ServerAccess.json]
                ? ImageArgument.line(status["port_mapping"] ?? [:])
                : SandboxPorts.lines(status).map { $0 + "\n" }.joined())
        return .success
    }
}

/// A sandbox's ports as people read them.
enum SandboxPorts {
    /// `8000 -> 127.0.0.1:40123` for each that is to be had outside.
    static func lines(_ status: JSON) -> [String] {
        let address = status["host_ip"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? "127.0.0.1"
        return (status["port_mapping"]?.object?.members ?? []).compactMap { port in
            guard let outside = port.value.int, outside > 0 else { return nil }
            return printable("\(port.name) -> \(address):\(outside)", limit: 200)
        }
    }
}
