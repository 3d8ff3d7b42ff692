import GEM
import Glibc

/// Signals by the names that `kill` knows.
enum SignalName {
    private static let numbers: [String: Int32] = [
        "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "ABRT": SIGABRT, "KILL": SIGKILL, "USR1": SIGUSR1,
        "USR2": SIGUSR2,
        "PIPE": SIGPIPE, "ALRM": SIGALRM, "TERM": SIGTERM, "CONT": SIGCONT, "STOP": SIGSTOP, "TSTP": SIGTSTP,
        "TTIN": SIGTTIN, "TTOU": SIGTTOU, "WINCH": SIGWINCH,
    ]

    /// The signal that a name (`INT`, `SIGINT`) or a number stands for.
    static func number(_ json: JSON) -> Int32? {
        if let number = json.int, 1...64 ~= number { return Int32(number) }
        guard let name = json.string?.uppercased() else { return nil }
        return numbers[name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name]
    }
}
