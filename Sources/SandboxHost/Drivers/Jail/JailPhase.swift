import GEM

/// How far a jail is, as its state file says it.
enum JailPhase: String {
    /// Whoever wanted it has not been told of it.
    case starting
    /// The same, with the layer that it had before it was stopped: whatever becomes of the start, that stays.
    case restarting
    case running
    /// Without a process, its layer kept.
    case stopped
}

extension StateFolder.State {
    var phase: JailPhase? {
        get { details["phase"]?.string.flatMap(JailPhase.init) }
        set { details["phase"] = newValue.map { .string($0.rawValue) } }
    }

    /// Its range of user ids.
    var range: Int? {
        get { details["range"]?.int }
        set { details["range"] = newValue.map { .number(JSON.Number($0)) } }
    }

    /// The machine's start that its process belongs to.
    var boot: String? {
        get { details["boot"]?.string }
        set { details["boot"] = newValue.map { .string($0) } }
    }

    /// Which copy of the machine's tree it sees; `nil` for one of an image.
    var hostCopy: String? {
        get { details["host_copy"]?.string }
        set { details["host_copy"] = newValue.map { .string($0) } }
    }

    static let currentBoot = KernelFile.read("/proc/sys/kernel/random/boot_id").map { String($0.prefix { $0 != "\n" }) }
}
