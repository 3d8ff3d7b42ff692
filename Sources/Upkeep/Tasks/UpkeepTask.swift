package import GEM

/// A piece of work that a worker can be told to do.
///
/// A task of one's own is a type that conforms to this and an entry in ``TaskCatalog``; one in another language is a program, run by
/// ``ProgramTask``.
package protocol UpkeepTask: Sendable {
    /// Reads the parameters of an order.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` that names the parameter.
    init(_ parameters: inout TaskParameters) throws(Failure)

    /// Whether a run begins where an earlier one has left a process that is still at work.
    static var repetition: Repetition { get }

    /// Does the work. It is cancelled when its time is over, and then has to come to an end.
    ///
    /// - Returns: What it did.
    /// - Throws: ``Failure`` whose message becomes the report's error.
    func run(at workplace: Workplace) async throws(Failure) -> TaskReport
}

/// When a task may run again.
package enum Repetition: String, Sendable {
    /// Whenever it is due.
    case always
    /// Not while the process that an earlier run has started is alive.
    case onceAtATime
}

extension UpkeepTask {
    package static var repetition: Repetition { .always }
}
