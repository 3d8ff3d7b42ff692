import Synchronization

/// How far a pull or a push is.
package struct TransferProgress: Sendable, Equatable {
    package var layersDone = 0
    package var layers = 0
    package var bytesDone: Int64 = 0
    /// 0 as long as it is not known.
    package var bytes: Int64 = 0

    package init() {}
}

/// Adds up what several threads report.
final class ProgressMeter: Sendable {
    private let state = Mutex(TransferProgress())
    private let report: @Sendable (TransferProgress) -> Void

    init(_ report: @escaping @Sendable (TransferProgress) -> Void) { self.report = report }

    func change(_ body: (inout TransferProgress) -> Void) {
        let now = state.withLock { state in
            body(&state)
            return state
        }
        report(now)
    }
}
