import CLinux
import GEM
import Glibc

/// How a jail's life ended.
enum JailEnd: Error, Equatable, Sendable {
    /// Its first process returned this status.
    case exited(Int32)
    /// This signal ended it.
    case signalled(Int32)
    /// The kernel ended it because it wanted more memory than its limit.
    case outOfMemory
    /// Its zygote ended, and every jail with it.
    case zygoteLost
    /// The kernel would not make it: an errno.
    case refused(Int32)

    /// What its callers are told. None of it is ever the environment's reward.
    func failure(_ limits: Limits) -> Failure {
        let advice = "Reset or make a new environment."
        switch self {
        case .exited(let status):
            if let step = Self.step(status) {
                return Failure(.infraFailed, "The sandbox could not be built: \(step) failed. Run rockctl doctor.")
            }
            return Failure(.envFailed, "The environment's process ended by itself with status \(status). \(advice)")
        case .signalled(SIGSYS):
            return Failure(
                .envFailed, "The environment made a system call that its sandbox forbids (SIGSYS). \(advice)")
        case .signalled(SIGKILL):
            return Failure(.infraFailed, "The sandbox was killed from outside (SIGKILL). \(advice)")
        case .signalled(let signal):
            return Failure(.envFailed, "The environment's process crashed (\(Self.name(signal))). \(advice)")
        case .outOfMemory:
            return Failure(
                .envFailed, "The environment used more than its \(limits.memoryBytes >> 20) MiB of memory. \(advice)")
        case .zygoteLost:
            return Failure(
                .infraFailed, "The process that sandboxes are made from ended, and this one with it. \(advice)")
        case .refused(let error):
            return Failure(.infraFailed, "The kernel would not make a sandbox: \(KernelFile.reason(error)).")
        }
    }

    /// The step of building its own walls that a jail's exit status names.
    private static func step(_ status: Int32) -> String? {
        switch status - Int32(ROCK_JAIL_EXIT) {
        case Int32(ROCK_STEP_CGROUP.rawValue): "joining its cgroup"
        case Int32(ROCK_STEP_IDENTITY.rawValue): "taking its user id"
        case Int32(ROCK_STEP_DESCRIPTORS.rawValue): "closing descriptors"
        case Int32(ROCK_STEP_LIMITS.rawValue): "setting resource limits"
        case Int32(ROCK_STEP_CAPABILITIES.rawValue): "dropping capabilities"
        case Int32(ROCK_STEP_PRIVILEGES.rawValue): "giving up privileges"
        case Int32(ROCK_STEP_SECCOMP.rawValue): "filtering system calls"
        default: nil
        }
    }

    private static func name(_ signal: Int32) -> String {
        switch signal {
        case SIGILL: "SIGILL"
        case SIGSEGV: "SIGSEGV"
        case SIGABRT: "SIGABRT"
        case SIGTRAP: "SIGTRAP"
        case SIGBUS: "SIGBUS"
        case SIGFPE: "SIGFPE"
        default: "signal \(signal)"
        }
    }
}
