import GEM
package import Registry
import Synchronization

/// The record of one live environment: what its calls are handed over to.
///
/// `@unchecked` because of ``tracker``, which only the writer's thread touches, and ``hasGap``, which is touched with the lock of
/// the writer's queue held.
package final class Recording: @unchecked Sendable {
    package let making: RecordedEpisode.Making
    package let sandbox: String
    /// Whether something went by unrecorded, so that nobody knows where the streams stand. Unseeded episodes are then left out
    /// until a state is handed over or a seed begins a stream anew.
    package var isLost: Bool {
        get { lost.load(ordering: .relaxed) }
        set { lost.store(newValue, ordering: .relaxed) }
    }
    private let lost = Atomic<Bool>(false)
    /// A call was not taken, and the tracker has not been told yet.
    var hasGap = false
    var tracker: EpisodeTracker

    /// Fails where `params` are none of a `make`.
    ///
    /// - Parameters:
    ///   - params: The params of `make`, a JSON object that was understood.
    ///   - environment: The id, spelled as its spec does.
    ///   - version: The server's.
    ///   - sandbox: The id of the sandbox.
    package init?(params: [UInt8], environment: String, version: String, sandbox: String) {
        guard let params = try? JSON(parsing: params.span) else { return nil }
        let kwargs = params["kwargs"]?.object.map { JSON.object($0) } ?? [:]
        let count = params["num_envs"]?.int
        let standard: VectorEnvironment.Autoreset = count == nil ? .disabled : .nextStep
        let word = params["autoreset"]?.string ?? standard.rawValue
        guard let autoreset = VectorEnvironment.Autoreset(rawValue: word) else { return nil }
        making = RecordedEpisode.Making(
            environment: environment, version: version, kwargs: String(decoding: kwargs.serialized, as: UTF8.self),
            count: count, autoreset: autoreset)
        self.sandbox = sandbox
        tracker = EpisodeTracker(making: making, sandbox: sandbox)
    }
}

/// One call of a live environment and its answer, as bytes: nothing has been read yet.
package struct RecordedCall: Sendable {
    package enum Kind: Sendable {
        case reset, step, sampleAction
        /// The params hold the state that was restored, the result the counters of the episodes.
        case restore
        /// Something went by unrecorded.
        case lost
        /// The environment was closed; everything that was played has been handed over.
        case closed
    }

    let kind: Kind
    let params: [UInt8]
    let result: ArraySlice<UInt8>
    /// When it was answered.
    let time: Timestamp

    package init(_ kind: Kind, params: [UInt8] = [], result: ArraySlice<UInt8> = [], at time: Timestamp = .now()) {
        (self.kind, self.params, self.result, self.time) = (kind, params, result, time)
    }

    /// Whether it only says where a record ends; such calls are few, small and always taken.
    var isMark: Bool {
        switch kind {
        case .lost, .closed: true
        case .reset, .step, .sampleAction, .restore: false
        }
    }

    /// What it holds of the queue's room, in bytes.
    var cost: Int { params.count + result.count + 128 }
}
