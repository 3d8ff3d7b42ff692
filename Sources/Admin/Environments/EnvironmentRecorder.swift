import Episodes
import GEM
import SandboxHost
import Synchronization

/// Hands over what one environment plays, so that it can be written down and played again.
///
/// One call after the other goes through, in the order in which they came: so the record knows the order in which the sandbox
/// carried them out. The sandbox itself takes one at a time, too.
final class EnvironmentRecorder: Sendable {
    private let recording: Recording
    private let writer: EpisodeWriter
    private let order = CallOrder()
    private let state: Mutex<State>

    private struct State {
        /// Environments whose random stream goes back to no seed and no state: nobody could begin it again.
        var unseeded: Set<Int>
        /// Where the sandbox cannot save, streams that were lost stay so until a seed comes.
        var cannotSave = false
        /// Resets without a seed since the stream's beginning was last written down.
        var unseededResets = 0
    }

    /// After so many episodes on one stream the state is written down once: whoever plays a later one again begins there, and
    /// the earlier ones may be gone. Only where one environment has the sandbox to itself, at a reset: no episode is cut in two.
    private static let longestStream = 256

    init(_ recording: Recording, _ writer: EpisodeWriter) {
        self.recording = recording
        self.writer = writer
        state = Mutex(State(unseeded: Set(0..<(recording.making.count ?? 1))))
    }

    private var count: Int { recording.making.count ?? 1 }

    /// The sandbox has restored `saved`, the result of a `save`, and answered `counters`.
    func begin(at saved: [UInt8], counters: ArraySlice<UInt8>) {
        state.withLock { state in
            state.unseeded = []
            state.unseededResets = 0
        }
        let call = RecordedCall(.restore, params: saved, result: counters)
        recording.isLost = !writer.submit(call, of: recording)
    }

    /// The sandbox has played before, and nobody knows what.
    func beginInTheMidst() {
        state.withLock { $0.unseeded = [] }
        recording.isLost = true
    }

    /// Waits for the calls that are under way, and ends the record.
    func close() async {
        await order.enterBehindAll()
        writer.submit(RecordedCall(.closed), of: recording)
        order.leave()
    }

    // MARK: - Calls

    /// Passes one call on.
    func call(
        _ method: StaticString, _ params: [UInt8], on environment: LiveEnvironment
    ) async throws(Failure) -> Reply {
        try await order.enter()
        defer { order.leave() }
        let kind: RecordedCall.Kind
        switch method.description {
        case "step": kind = .step
        case "sample_action": kind = .sampleAction
        case "restore": kind = .restore
        default: return try await environment.pass(method, params)
        }
        // A vector that resets itself may never be reset again, so its record goes on with a step.
        if case .step = kind, recording.making.autoreset != .disabled { await findItself(environment) }
        let reply = try await passing { () async throws(Failure) -> Reply in
            if case .step = kind { return try await environment.passStep(params) }
            return try await environment.pass(method, params)
        }
        guard let isNoted = note(kind, params, reply), case .restore = kind else { return reply }
        state.withLock { $0.unseeded = [] }
        if isNoted { recording.isLost = false }
        return reply
    }

    /// Passes a reset on; where the sandbox has died, `start` makes a new one first.
    func reset(
        _ params: [UInt8], on environment: LiveEnvironment,
        start: (LiveEnvironment) async throws(Failure) -> any EnvironmentSandbox
    ) async throws(Failure) -> Reply {
        try await order.enter()
        defer { order.leave() }
        let sandbox = environment.sandbox
        let isRevival = sandbox.failure != nil
        if isRevival {
            lose()
            forgetSeeds()
        }
        let reset = SeededReset(params, count: recording.making.count, unseeded: state.withLock(\.unseeded))
        if !reset.seedsAll {
            let isLong = state.withLock { $0.unseededResets >= Self.longestStream } && recording.making.count == nil
            await findItself(environment, alsoUnlost: isLong)
        }
        let reply = try await passing { () async throws(Failure) -> Reply in
            try await environment.passReset(reset.params, start: start)
        }
        guard isRevival || sandbox === environment.sandbox else {
            // It died at the last moment, and what the new one began with is not known.
            lose()
            forgetSeeds()
            return reply
        }
        guard let isNoted = note(.reset, reset.params, reply) else { return reply }
        state.withLock { state in
            state.unseeded.subtract(reset.seeded)
            state.unseededResets = reset.seedsAll ? 0 : state.unseededResets + 1
        }
        if reset.seedsAll, isNoted { recording.isLost = false }
        return reply
    }

    /// Does what moves the sandbox; a failure leaves its streams behind.
    private func passing(
        _ pass: () async throws(Failure) -> Reply
    ) async throws(Failure) -> Reply {
        do throws(Failure) {
            return try await pass()
        } catch {
            if error.kind != .overloaded { lose() }
            throw error
        }
    }

    /// Hands over what was answered.
    /// - Returns: Whether it was taken; `nil` where the call did not do what it was to do.
    private func note(_ kind: RecordedCall.Kind, _ params: [UInt8], _ reply: Reply) -> Bool? {
        switch reply {
        case .result(let result):
            return writer.submit(RecordedCall(kind, params: params, result: result), of: recording)
        case .error(let error):
            if !isHarmless(error, kind) { lose() }
            return nil
        }
    }

    /// Whether a call that was refused has changed nothing.
    private func isHarmless(_ error: ArraySlice<UInt8>, _ kind: RecordedCall.Kind) -> Bool {
        // Actions are drawn one environment after the other; the first that has none to give ends it.
        if case .sampleAction = kind, recording.making.count != nil { return false }
        guard let error = try? JSON(parsing: error.span), let failure = Failure(error) else { return false }
        switch failure.kind {
        case .invalidParams, .invalidAction, .invalidSeed, .invalidState, .invalidRequest, .invalidArgument,
            .notReset, .episodeEnded, .tooLarge, .methodNotFound:
            return true
        default: return false
        }
    }

    // MARK: - Streams

    private func lose() {
        recording.isLost = true
        writer.submit(RecordedCall(.lost), of: recording)
    }

    private func forgetSeeds() { state.withLock { $0.unseeded = Set(0..<count) } }

    /// Where the record has lost its streams, asks the sandbox for its state and goes on from there.
    private func findItself(_ environment: LiveEnvironment, alsoUnlost: Bool = false) async {
        guard alsoUnlost || recording.isLost, environment.sandbox.failure == nil,
            writer.hasRoom, !state.withLock({ $0.cannotSave })
        else { return }
        let none: [UInt8] = [0x7B, 0x7D]
        // What fails here fails the call that follows, too, and that is told.
        guard let saved = try? await environment.pass("save", none),
            let counters = try? await environment.pass("status", none)
        else { return }
        guard case .result(let state) = saved, case .result(let counters) = counters else {
            return self.state.withLock { $0.cannotSave = true }
        }
        begin(at: Array(state), counters: counters)
    }
}
