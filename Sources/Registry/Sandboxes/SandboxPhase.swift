/// One step of a sandbox's start, as clients watch it.
package struct SandboxPhase: Equatable, Sendable {
    /// The raw values are the wire's.
    package enum Status: String, CaseIterable, Sendable {
        case waiting, running, success, failed, timeout
    }

    package var name: String
    package var status: Status
    /// For people; clients show it when the start fails.
    package var message: String
    @CompactTime package var startedAt: Timestamp?
    @CompactTime package var completedAt: Timestamp?

    package init(
        _ name: String, _ status: Status, message: String, startedAt: Timestamp? = nil, completedAt: Timestamp? = nil
    ) {
        self.name = name
        self.status = status
        self.message = message
        self.startedAt = startedAt
        self.completedAt = completedAt
    }

    package static let imagePull = "image_pull"
    package static let dockerRun = "docker_run"

    /// The phases of a start that has not begun.
    package static let initial = [
        SandboxPhase(imagePull, .waiting, message: "waiting"),
        SandboxPhase(dockerRun, .waiting, message: "waiting"),
    ]
}

/// A port inside a sandbox and the host's port that leads there.
package struct PortMapping: Equatable, Sendable {
    package let inside: UInt16
    package let host: UInt16

    package init(inside: UInt16, host: UInt16) {
        self.inside = inside
        self.host = host
    }
}

/// A name and a text that a client hung on a sandbox, to find it by.
package struct SandboxLabel: Hashable, Sendable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}
