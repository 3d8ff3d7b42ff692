package import GEM

/// A machine that carries out orders: this one, or one at the other end of a connection.
package protocol Worker: Sendable {
    /// What tells it from others: its host's id.
    var name: String { get }
    /// Where it is, as status files and listings name it.
    var address: String { get }

    /// Does one piece of work. At most one of each task runs on a worker at a time: an order for a task that is still at work
    /// comes back as ``TaskReport/Status/busy``, having done nothing.
    func carryOut(_ order: TaskOrder) async -> TaskReport
}

/// One piece of work for one worker. It is plain data, so that it can travel.
package struct TaskOrder: Sendable, Equatable {
    /// The task's name; what a listing shows and a status file is called by.
    package let task: String
    /// Which kind of work: a name of ``TaskCatalog``.
    package let kind: String
    package let parameters: JSON.Object
    /// How long it may take.
    package let limit: Duration

    package init(task: String, kind: String, parameters: JSON.Object, limit: Duration) {
        self.task = task
        self.kind = kind
        self.parameters = parameters
        self.limit = limit
    }
}

/// What became of an order.
package struct TaskReport: Sendable, Equatable {
    package enum Status: String, Sendable, CaseIterable {
        case pending
        /// It started something that goes on; ``TaskReport/process`` says what.
        case running
        case success
        case failed
        /// It was at work already.
        case busy
    }

    package var status: Status
    /// The process that goes on.
    package var process: Int32?
    /// Why it failed: a sentence.
    package var error: String?
    /// What it did, in figures and names; at most ``longestDetails`` bytes as JSON.
    package var details: JSON.Object

    package static let longestDetails = 64 << 10

    package init(
        _ status: Status, process: Int32? = nil, error: String? = nil, details: JSON.Object = JSON.Object()
    ) {
        self.status = status
        self.process = process
        self.error = error
        self.details = details
    }

    /// A failure that names its reason.
    package static func failed(_ reason: String, details: JSON.Object = JSON.Object()) -> TaskReport {
        TaskReport(.failed, error: reason, details: details)
    }
}
