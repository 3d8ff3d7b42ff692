package import GEM

/// A record as clients see it: the status of one sandbox, and the stored record that listings and the billing line have.
extension SandboxRecord {
    /// What a status answer says beside the record.
    package struct StatusContext: Sendable {
        package var isAlive: Bool
        /// The server's and the agent's versions; `nil` where nobody asked the sandbox.
        package var gatewayVersion: String?
        package var agentVersion: String?

        package init(isAlive: Bool, gatewayVersion: String? = nil, agentVersion: String? = nil) {
            self.isAlive = isAlive
            self.gatewayVersion = gatewayVersion
            self.agentVersion = agentVersion
        }
    }

    /// The memory limit in gigabytes with two decimals: `8.00g`.
    package var memoryText: String {
        // Hundredths, rounded to the nearest.
        let hundredths = (memoryBytes.multipliedReportingOverflow(by: 100).partialValue + (1 << 29)) >> 30
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)g"
    }

    /// Writes the answer to `get_status` as one object.
    package func writeStatus(_ context: StatusContext, times: TimeFormat, to writer: inout JSONWriter) {
        writer.beginObject()
        writeStatusMembers(context, times: times, to: &writer)
        writer.endObject()
    }

    /// Writes one item of a listing: the status and what only listings show.
    package func writeItem(_ context: StatusContext, times: TimeFormat, to writer: inout JSONWriter) {
        writer.beginObject()
        writeStatusMembers(context, times: times, to: &writer)
        writer.member("rock_authorization_encrypted", authorizationEncrypted)
        writer.endObject()
    }

    private func writeStatusMembers(_ context: StatusContext, times: TimeFormat, to writer: inout JSONWriter) {
        writer.member("sandbox_id", id)
        writer.name("status")
        writer.phases(phases, times: times)
        writer.member("state", state.rawValue)
        writer.name("port_mapping")
        writer.ports(ports)
        writer.member("host_name", hostName)
        writer.member("host_ip", hostIP)
        writer.name("is_alive")
        writer.bool(context.isAlive)
        writer.member("image", image)
        writer.member("gateway_version", context.gatewayVersion)
        writer.member("swe_rex_version", context.agentVersion)
        writer.member("user_id", userID)
        writer.member("experiment_id", experimentID)
        writer.member("namespace", namespace)
        writer.member("cluster_name", clusterName)
        writer.name("cpus")
        writer.double(cpus)
        writer.member("memory", memoryText)
        writer.member("num_gpus", numGPUs)
        writer.member("accelerator_type", acceleratorType)
        writer.member("disk", disk)
        writer.member("disk_limit_rootfs", diskLimitRootfs)
        writer.member("create_time", createTime, times)
        writer.member("start_time", startTime, times)
        writer.member("stop_time", stopTime, times)
        writer.member("archive_time", archiveTime, times)
        writer.member("delete_time", deleteTime, times)
        writer.member("auto_stop_time", autoStopTime, times)
        writer.member("auto_archive_time", autoArchiveTime, times)
        writer.member("auto_delete_time", autoDeleteTime, times)
        writer.name("state_history")
        writer.beginArray()
        for move in history {
            // A creation comes from no state, and clients insist on one; `create_time` tells of it.
            guard let from = move.from else { continue }
            writer.beginObject()
            writer.member("from_state", from.rawValue)
            writer.member("to_state", move.to.rawValue)
            writer.member("event", move.event.rawValue)
            writer.member("timestamp", move.time, times)
            writer.endObject()
        }
        writer.endArray()
        // Ours, behind everything the SDKs read.
        writer.member("driver", driver)
        writer.member("isolation", isolation)
        writer.member("host_id", hostID)
        writer.member("reason", reason)
        writer.name("metadata")
        writer.labels(labels)
        writer.name("revision")
        writer.integer(revision)
    }

    /// Writes the stored record, with the members it has a value for; the billing line is this.
    package func writeInfo(times: TimeFormat, to writer: inout JSONWriter) {
        writer.beginObject()
        for (name, text) in texts { if let text { writer.member(name, text) } }
        writer.name("phases")
        writer.phases(phases, times: times)
        writer.name("port_mapping")
        writer.ports(ports)
        if let createUserGrayFlag {
            writer.name("create_user_gray_flag")
            writer.bool(createUserGrayFlag)
        }
        writer.name("cpus")
        writer.double(cpus)
        for (name, time) in allTimes { if let time { writer.member(name, time, times) } }
        if !labels.isEmpty {
            writer.name("metadata")
            writer.labels(labels)
        }
        writer.endObject()
    }

    private var allTimes: [(StaticString, Timestamp?)] {
        [
            ("create_time", createTime), ("start_time", startTime), ("stop_time", stopTime),
            ("archive_time", archiveTime), ("delete_time", deleteTime), ("auto_stop_time", autoStopTime),
            ("auto_archive_time", autoArchiveTime), ("auto_delete_time", autoDeleteTime),
        ]
    }

    private var texts: [(StaticString, String?)] {
        [
            ("host_ip", hostIP), ("host_name", hostName), ("image", image), ("user_id", userID),
            ("experiment_id", experimentID), ("namespace", namespace), ("cluster_name", clusterName),
            ("sandbox_id", id), ("auth_token", authToken), ("rock_authorization_encrypted", authorizationEncrypted),
            ("state", state.rawValue), ("memory", memoryText), ("driver", driver),
        ]
    }

    /// The text of the stored record's member called `name`, which a listing may filter by; `nil` where the record has no such
    /// text. A label counts as a member.
    func text(of name: String, times: TimeFormat) -> String? {
        switch name {
        case "sandbox_id": id
        case "image": image
        case "state": state.rawValue
        case "user_id": userID
        case "experiment_id": experimentID
        case "namespace": namespace
        case "cluster_name": clusterName
        case "driver": driver
        case "isolation": isolation
        case "host_id": hostID
        case "host_ip": hostIP
        case "host_name": hostName
        case "memory": memoryText
        case "disk": disk
        case "accelerator_type": acceleratorType
        case "create_time": times.text(createTime)
        case "start_time": startTime.map(times.text)
        case "stop_time": stopTime.map(times.text)
        default: labels.first { $0.name == name }?.value
        }
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: StaticString, _ text: String?) {
        self.name(name)
        if let text { string(text) } else { null() }
    }

    fileprivate mutating func member(_ name: StaticString, _ number: Double?) {
        self.name(name)
        if let number { double(number) } else { null() }
    }

    fileprivate mutating func member(_ name: StaticString, _ time: Timestamp?, _ times: TimeFormat) {
        self.name(name)
        if let time { times.write(time, to: &self) } else { null() }
    }

    fileprivate mutating func phases(_ phases: [SandboxPhase], times: TimeFormat) {
        beginObject()
        for phase in phases {
            name(phase.name)
            beginObject()
            member("status", phase.status.rawValue)
            member("message", phase.message)
            if let startedAt = phase.startedAt { member("started_at", startedAt, times) }
            if let completedAt = phase.completedAt { member("completed_at", completedAt, times) }
            endObject()
        }
        endObject()
    }

    mutating func ports(_ ports: [PortMapping]) {
        beginObject()
        for port in ports {
            name("\(port.inside)")
            integer(port.host)
        }
        endObject()
    }

    mutating func labels(_ labels: [SandboxLabel]) {
        beginObject()
        for label in labels {
            name(label.name)
            string(label.value)
        }
        endObject()
    }
}
