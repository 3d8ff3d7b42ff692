/// How a command ended, for whoever called it. `rockctl help exit-codes` prints this table.
enum ExitCode: Int32, CaseIterable, Sendable {
    case success = 0
    case failure = 1
    case usage = 2
    case unreachable = 3
    case notFound = 4
    case refused = 5
    case timedOut = 6
    case interrupted = 130
    case closedPipe = 141

    /// One sentence for the table.
    var meaning: String {
        switch self {
        case .success: "Everything that was asked for was done."
        case .failure: "It was tried and failed; standard error says what and where."
        case .usage: "The command line cannot be understood; nothing was tried."
        case .unreachable: "No server answers at the address, or none runs in the data directory."
        case .notFound: "The environment, sandbox, file or topic does not exist."
        case .refused: "The server refuses: the isolation asked for is not to be had, or it is full."
        case .timedOut: "A step or the start of a server took longer than its limit."
        case .interrupted: "Ctrl-C (SIGINT) or SIGTERM ended it; everything was put away first."
        case .closedPipe: "Whoever read the output went away before its end."
        }
    }
}

/// The command ran another program, and ends as that did.
struct ProgramEnded: Error {
    /// Its exit status; 128 and the signal's number where a signal ended it.
    let status: Int32
}
