import GEM
import Registry
import SandboxHost
import Transport

extension Interface {
    /// How sandboxes come, go and are looked at.
    static let sandboxLifeOperations: [Operation] = startOperations + endOperations + statusOperations

    // MARK: - Start

    private static let startOperations: [Operation] = [
        start("sandbox.start", "/start", "Starts a sandbox and answers when it is up", failure: "start sandbox failed")
        {
            (sandboxes, record, caller) async throws(Failure) in
            try await sandboxes.startEnd(of: record.id, for: caller)
        },
        start(
            "sandbox.start_async", "/start_async", "Starts a sandbox and answers at once",
            failure: "async start sandbox failed"
        ) { (sandboxes, record, caller) async throws(Failure) in await sandboxes.briefly(record, for: caller) },
        .rock(
            "sandbox.warm_up", .post, "/warmup/tasks", "Makes an image ready ahead of use",
            failure: "start warmup failed",
            body: .optionalJSON([
                .optional("image", .text(least: 1, most: 1024).orNull), .optional("runtime", .text(most: 64).orNull),
            ]), result: .null, isAudited: true,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                try await services.needSandboxes().warmUp(image: call.text("image"), runtime: call.text("runtime"))
                return Array("null".utf8)
            }
        ).saying("warmup task started"),
    ]

    /// A start whose answer is given by what `wait` finds.
    private static func start(
        _ name: String, _ path: String, _ summary: String, failure: String,
        _ wait:
            @escaping @Sendable (SandboxDirectory, SandboxRecord, SandboxCaller) async throws(Failure) ->
            SandboxRecord
    ) -> Operation {
        .rock(
            name, .post, path, summary, failure: failure, headers: Operation.whoAsks,
            body: .json(SandboxSchemas.start), result: SandboxSchemas.started, isAudited: true,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                let sandboxes = try services.needSandboxes()
                let caller = try call.creatingCaller()
                let started = try await sandboxes.start(
                    SandboxStart(.object(call.members)), by: caller, connection: call.connection)
                let record = try await wait(sandboxes, started.record, caller)
                return json { $0.started(record, started) }
            })
    }

    // MARK: - End

    private static let restart = Operation.rock(
        "sandbox.restart", .post, "/restart", "Starts a stopped sandbox again, with its files",
        failure: "restart sandbox failed", body: .json([SandboxSchemas.id]), result: SandboxSchemas.started,
        isAudited: true,
        .value { (call, services) async throws(Failure) -> [UInt8] in
            let sandboxes = try services.needSandboxes()
            let record = try await sandboxes.restart(call.sandboxID, for: call.sandboxCaller)
            let latest = await sandboxes.briefly(record, for: call.sandboxCaller)
            return json { $0.started(latest, nil) }
        })

    private static let endOperations: [Operation] = [
        .rock(
            "sandbox.stop", .post, "/stop", "Ends a sandbox's processes", failure: "stop sandbox failed",
            body: .json([SandboxSchemas.id]), result: .text, isAudited: true,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                try await services.needSandboxes().stop(call.sandboxID, for: call.sandboxCaller)
                return jsonText("\(call.sandboxID) stopped")
            }),
        restart,
        restart.alias("/sandboxes/{sandbox_id}/restart", body: .optionalJSON([])),
        .rock(
            "sandbox.delete", .post, "/delete", "Removes a stopped sandbox and its files",
            failure: "delete sandbox failed", body: .json([SandboxSchemas.id]), result: .text, isAudited: true,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                try await services.needSandboxes().delete(call.sandboxID, for: call.sandboxCaller)
                return jsonText("\(call.sandboxID) deleted")
            }),
        .rock(
            "sandbox.archive", .post, "/sandboxes/{sandbox_id}/archive", "Puts a stopped sandbox away",
            failure: "archive sandbox failed", body: .optionalJSON([]), result: .text, isAudited: true,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                try await services.needSandboxes().archive(call.sandboxID, for: call.sandboxCaller)
                return jsonText("\(call.sandboxID) archived")
            }),
        .rock(
            "sandbox.commit", .post, "/commit", "Makes an image of a sandbox's files", failure: "commit sandbox failed",
            body: .json([
                SandboxSchemas.id, .required("image_tag", .text(least: 1, most: 1024)),
                .optional("username", .text(most: 1024).orNull), .optional("password", Schema.secret.orNull),
            ]), result: commit, isAudited: true,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                let sandboxes = try services.needSandboxes()
                var credentials: RegistryCredentials?
                if let name = call.text("username"), let password = call.text("password"), !name.isEmpty {
                    credentials = RegistryCredentials(username: name, password: password)
                }
                let status = try await sandboxes.commit(
                    call.sandboxID, tag: call.text("image_tag") ?? "", credentials: credentials,
                    patience: .seconds(240), for: call.sandboxCaller)
                return status.json(times: sandboxes.times)
            }),
        .rock(
            "sandbox.commit_status", .get, "/commit/{sandbox_id}", "How a sandbox's latest commit stands",
            failure: "get commit status failed", scope: .read, result: commit,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                let sandboxes = try services.needSandboxes()
                guard let status = try sandboxes.commitStatus(of: call.sandboxID, for: call.sandboxCaller) else {
                    throw Failure(.notFound, "Sandbox \(call.sandboxID) has not been committed.")
                }
                return status.json(times: sandboxes.times)
            }),
    ]

    private static let commit = Schema.object(
        .required("sandbox_id", .text), .required("image_tag", .text), .required("phase", .text),
        .required("started_at", .text))

    // MARK: - Looking

    private static let statusOperations: [Operation] = [
        .rock(
            "sandbox.is_alive", .get, "/is_alive", "Whether a sandbox answers", failure: "get sandbox is alive failed",
            scope: .read, query: [SandboxSchemas.idInQuery],
            result: .object(.required("is_alive", .boolean), .required("message", .text)),
            .value { (call, services) async throws(Failure) -> [UInt8] in
                let isAlive = try services.needSandboxes().isAlive(call.sandboxID, for: call.sandboxCaller)
                return json { writer in
                    writer.beginObject()
                    writer.name("is_alive")
                    writer.bool(isAlive)
                    writer.name("message")
                    writer.string(isAlive ? "" : "sandbox \(call.sandboxID) is not running")
                    writer.endObject()
                }
            }),
        .rock(
            "sandbox.get_status", .get, "/get_status", "What is known of a sandbox",
            failure: "get sandbox status failed",
            scope: .read,
            query: [SandboxSchemas.idInQuery, .optional("include_all_states", .boolean, default: false)],
            result: SandboxSchemas.status,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                try await services.needSandboxes().status(
                    of: call.sandboxID, includesAllStates: call.isTrue("include_all_states"), for: call.sandboxCaller)
            }),
        .rock(
            "sandbox.statistics", .get, "/get_sandbox_statistics", "What a sandbox uses",
            failure: "get sandbox statistics failed", scope: .read, query: [SandboxSchemas.idInQuery],
            result: .object(
                .required("cpu", .number()), .required("mem", .number()), .required("disk", .number()),
                .required("net", .integer(0...Int.max))),
            .value { (call, services) async throws(Failure) -> [UInt8] in
                try await services.needSandboxes().statistics(of: call.sandboxID, for: call.sandboxCaller)
            }),
        .rock(
            "sandbox.mount_infos", .get, "/sandboxes/{sandbox_id}/mount-infos", "The host's folders that it sees",
            failure: "get mount infos failed", scope: .read, result: .text,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                jsonText(try await services.needSandboxes().mountInfos(of: call.sandboxID, for: call.sandboxCaller))
            }),
        .rock(
            "sandbox.batch", .post, "/sandboxes/batch", "What is known of several sandboxes",
            failure: "batch get sandbox status failed", scope: .read,
            body: .json([.required("sandbox_ids", .list(of: .text(most: 128), 0...100_000))]),
            result: .object(.required("statuses", .list(of: SandboxSchemas.status))),
            .value { (call, services) async throws(Failure) -> [UInt8] in
                try services.needSandboxes().statuses(of: call.texts("sandbox_ids"), for: call.sandboxCaller)
            }),
        listing,
        .own(
            "sandbox.inspect", .get, "/sandboxes/{sandbox_id}", "Everything known of a sandbox", scope: .read,
            result: .object(.required("status", SandboxSchemas.status), .required("history", .list(of: .any))),
            .value { (call, services) async throws(Failure) -> [UInt8] in
                try await services.needSandboxes().inspect(call.sandboxID, for: call.sandboxCaller)
            }),
    ]

    private static var listing: Operation {
        var operation = Operation.rock(
            "sandbox.list", .get, "/sandboxes", "Sandboxes, a page at a time; other items of the query are filters",
            failure: "list sandboxes failed", scope: .read,
            query: [
                .optional("page", .text, "From 1"), .optional("page_size", .text),
                .optional("include_all_states", .text),
                .optional("order", .text, "newest or oldest"),
                .optional("created_after", .text), .optional("created_before", .text),
                .optional("state", .text, "One or several, with commas"),
            ],
            result: .object(
                .required("items", .list(of: SandboxSchemas.status)), .required("total", .integer(0...Int.max)),
                .required("has_more", .boolean)),
            .value { (call, services) async throws(Failure) -> [UInt8] in
                let sandboxes = try services.needSandboxes()
                let own = call.operation.query.compactMap { field in
                    call.text(field.name).map { (name: field.name, value: $0) }
                }
                let filters = call.filters.map { (name: $0.name, value: $0.text) }
                let listing = try SandboxListing(own + filters, most: sandboxes.configuration.batchCount)
                return try sandboxes.list(listing, for: call.sandboxCaller)
            })
        operation.takesFilters = true
        return operation
    }
}

extension JSONWriter {
    /// The result of a start in the form that ROCK's clients know, with the place in the line behind it.
    fileprivate mutating func started(_ record: SandboxRecord, _ started: StartedSandbox?) {
        beginObject()
        for name in ["code", "exit_code", "failure_reason"] as [StaticString] {
            self.name(name)
            null()
        }
        for (name, text) in [
            ("sandbox_id", record.id), ("host_name", record.hostName.isEmpty ? LocalHost.name : record.hostName),
            ("host_ip", record.hostIP.isEmpty ? LocalHost.address : record.hostIP),
            ("memory", record.memoryText), ("driver", record.driver), ("isolation", record.isolation),
            ("state", record.state.rawValue),
        ] as [(StaticString, String)] {
            self.name(name)
            string(text)
        }
        name("cpus")
        double(record.cpus)
        for (name, text) in [("disk", record.disk), ("disk_limit_rootfs", record.diskLimitRootfs)]
            as [(StaticString, String?)]
        {
            self.name(name)
            if let text { string(text) } else { null() }
        }
        if let started {
            name("position")
            integer(started.position)
            name("estimated_seconds")
            if let seconds = started.estimatedSeconds { double(seconds) } else { null() }
            name("is_repeat")
            bool(started.isRepeat)
        }
        endObject()
    }
}
