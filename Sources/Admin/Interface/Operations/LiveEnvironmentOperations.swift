import GEM
import Registry
import SandboxHost

extension Interface {
    /// Environments as a whole; each by itself is played over JSON-RPC.
    static let liveEnvironmentOperations: [Operation] = [
        Operation(
            name: "env.live", verbs: [.get], path: administration + "/live-environments",
            summary: "The environments that were made and not closed yet, oldest first", scope: .read, form: .bare,
            result: .object(.required("environments", .list(of: liveEnvironment))),
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                // A key for some namespaces sees what it has made itself: environments are in no namespace.
                let all = (services.environments?.all ?? [])
                    .filter { call.caller.namespaces.isEmpty || $0.origin.owner == call.caller.name }
                let times = services.times
                await withDiscardingTaskGroup { group in
                    for environment in all where environment.steps == nil {
                        group.addTask { await environment.learnSteps() }
                    }
                }
                return json { writer in
                    writer.beginObject()
                    writer.name("environments")
                    writer.beginArray()
                    for environment in all { writer.environment(environment, times) }
                    writer.endArray()
                    writer.endObject()
                }
            })
    ]

    private static let liveEnvironment = Schema.object(
        .required("sandbox_id", .text), .required("env_id", .text), .required("owner", .text),
        .required("state", .text), .optional("reason", .text), .optional("steps", .integer(0...Int.max)),
        .required("made", .text), .required("age_seconds", .number()), .required("lease", .text),
        .required("process", .integer(0...Int.max)))
}

extension JSONWriter {
    fileprivate mutating func environment(_ environment: LiveEnvironment, _ times: TimeFormat) {
        let failure = environment.sandbox.failure
        beginObject()
        for (name, text) in [
            ("sandbox_id", environment.id.rawValue), ("env_id", environment.request.environment.description),
            ("owner", environment.origin.owner), ("state", failure == nil ? "running" : "failed"),
            ("made", times.text(environment.origin.made)), ("lease", environment.request.lease.rawValue),
        ] as [(StaticString, String)] {
            self.name(name)
            string(text)
        }
        name("age_seconds")
        double(environment.age)
        name("process")
        integer(failure == nil ? Int((environment.sandbox as? Sandbox)?.process ?? 0) : 0)
        if let steps = environment.steps {
            name("steps")
            integer(steps)
        }
        if let failure {
            name("reason")
            string(failure.message)
        }
        endObject()
    }
}
