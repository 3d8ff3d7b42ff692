import GEM
import Registry
import Upkeep

/// One run of a task on one worker, as it is written down.
struct TaskRun: Sendable, Equatable {
    enum Trigger: String, Sendable {
        case schedule
        /// Somebody asked for it.
        case request
    }

    var serial: Int64
    let task: String
    let worker: String
    let trigger: Trigger
    let startTime: Timestamp
    var endTime: Timestamp?
    var report: TaskReport
}

/// A task as a listing shows it.
struct TaskStatus: Sendable {
    let entry: SchedulerConfiguration.Entry
    let isEnabled: Bool
    let isAtWork: Bool
    /// When it is due; `nil` where it never is.
    let nextTime: Timestamp?
    /// Its last run on each worker.
    let last: [TaskRun]
}
