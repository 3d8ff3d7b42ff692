import GEM

/// The lists that a record owns, as the JSON its row keeps them in.
///
/// Phases are an array of `[name, status, message, started, completed]`, times in microseconds or null.
enum SandboxColumns {
    static func text(phases: [SandboxPhase]) -> String {
        // What nearly every record holds is not written anew each time.
        if phases == SandboxPhase.initial { return initialPhases }
        return write(phases)
    }

    private static let initialPhases = write(SandboxPhase.initial)

    private static func write(_ phases: [SandboxPhase]) -> String {
        string { writer in
            writer.beginArray()
            for phase in phases {
                writer.beginArray()
                writer.string(phase.name)
                writer.string(phase.status.rawValue)
                writer.string(phase.message)
                for time in [phase.startedAt, phase.completedAt] {
                    if let time { writer.integer(time.microseconds) } else { writer.null() }
                }
                writer.endArray()
            }
            writer.endArray()
        }
    }

    static func text(ports: [PortMapping]) -> String { ports.isEmpty ? "{}" : string { $0.ports(ports) } }

    static func text(labels: [SandboxLabel]) -> String { labels.isEmpty ? "{}" : string { $0.labels(labels) } }

    private static func string(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        write(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// `nil` where `text` is not what ``text(phases:)`` writes.
    static func phases(_ text: String) -> [SandboxPhase]? {
        if text == initialPhases { return SandboxPhase.initial }
        guard let rows = (try? JSON(parsing: text))?.array else { return nil }
        var phases: [SandboxPhase] = []
        for row in rows {
            guard let fields = row.array, fields.count == 5, let name = fields[0].string,
                let status = fields[1].string.flatMap(SandboxPhase.Status.init), let message = fields[2].string
            else { return nil }
            let times = fields[3...].map { $0.int.map { Timestamp(microseconds: Int64($0)) } }
            phases.append(
                SandboxPhase(name, status, message: message, startedAt: times[0], completedAt: times[1]))
        }
        return phases
    }

    /// `nil` where `text` is not what ``text(ports:)`` writes.
    static func ports(_ text: String) -> [PortMapping]? {
        if text == "{}" { return [] }
        guard let members = (try? JSON(parsing: text))?.object?.members else { return nil }
        var ports: [PortMapping] = []
        for member in members {
            guard let inside = UInt16(member.name), let host = member.value.int.flatMap(UInt16.init(exactly:)) else {
                return nil
            }
            ports.append(PortMapping(inside: inside, host: host))
        }
        return ports
    }

    /// `nil` where `text` is not what ``text(labels:)`` writes.
    static func labels(_ text: String) -> [SandboxLabel]? {
        if text == "{}" { return [] }
        guard let members = (try? JSON(parsing: text))?.object?.members else { return nil }
        var labels: [SandboxLabel] = []
        for member in members {
            guard let value = member.value.string else { return nil }
            labels.append(SandboxLabel(name: member.name, value: value))
        }
        return labels
    }
}
