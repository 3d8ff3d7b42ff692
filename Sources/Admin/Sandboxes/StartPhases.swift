import GEM
import Registry
import SandboxHost

extension [SandboxPhase] {
    /// Takes in how far a start has come, in the words that ROCK's clients know.
    mutating func note(_ step: StartStep, at time: Timestamp) {
        switch step {
        case .pullingImage(let message):
            set(SandboxPhase.imagePull, .running, message.isEmpty ? "image pull running" : message, at: time)
        case .imageReady(let message):
            set(SandboxPhase.imagePull, .success, message.isEmpty ? "image pull success" : message, at: time)
        case .launching:
            finish(SandboxPhase.imagePull, "image pull success", at: time)
            set(SandboxPhase.dockerRun, .running, "docker run running", at: time)
        case .answering:
            finish(SandboxPhase.imagePull, "image pull success", at: time)
            set(SandboxPhase.dockerRun, .success, "docker run success", at: time)
        }
    }

    /// Takes in why a start failed, at the phase that was under way.
    mutating func note(_ failure: Failure, at time: Timestamp) {
        let status: SandboxPhase.Status = failure.kind == .timeout ? .timeout : .failed
        let pull = first { $0.name == SandboxPhase.imagePull }
        if let pull, pull.status == .running {
            set(SandboxPhase.imagePull, status, failure.message, at: time)
        } else {
            set(SandboxPhase.dockerRun, status, "docker run \(status.rawValue): \(failure.message)", at: time)
        }
    }

    /// Takes in what a sandbox that was found again lacks. It runs, so the phase is a success, with a remark.
    mutating func note(losses: [String], at time: Timestamp) {
        guard !losses.isEmpty else { return }
        set(SandboxPhase.dockerRun, .success, losses.joined(separator: " "), at: time)
    }

    private mutating func finish(_ name: String, _ message: String, at time: Timestamp) {
        guard let phase = first(where: { $0.name == name }), phase.status != .success else { return }
        set(name, .success, message, at: time)
    }

    private mutating func set(_ name: String, _ status: SandboxPhase.Status, _ message: String, at time: Timestamp) {
        guard let place = firstIndex(where: { $0.name == name }) else { return }
        self[place].status = status
        self[place].message = message
        if self[place].startedAt == nil { self[place].startedAt = time }
        self[place].completedAt = status == .running || status == .waiting ? nil : time
    }
}
