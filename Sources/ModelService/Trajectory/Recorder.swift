import GEM

/// Writes exchanges down: in the trajectory, and completely where they are to be played back.
struct Recorder: Sendable {
    private let trajectory: TrajectoryFile?
    private let recording: TrajectoryFile?
    private let log: ServiceLog

    /// Whether streams are wanted as they came.
    var keepsEvents: Bool { recording != nil }

    init(_ trajectory: TrajectoryConfiguration?, _ recordingPath: String?, _ log: ServiceLog) {
        self.log = log
        self.trajectory = trajectory.map { TrajectoryFile($0) }
        recording = recordingPath.map { path in
            var whole = TrajectoryConfiguration(path: path)
            whole.appends = true
            // A recording is of use only as a whole.
            whole.maximumBytes = .max
            return TrajectoryFile(whole)
        }
    }

    /// Writes an exchange that has just ended.
    func write(_ exchange: inout Exchange) async {
        exchange.end = Exchange.now
        // What was only looked up is no step of a trajectory.
        if let trajectory, !exchange.request.isEmpty { await trajectory.write(exchange.line(isComplete: false), log) }
        if let recording { await recording.write(exchange.line(isComplete: true), log) }
    }
}

/// Listens to a streamed answer on its way.
struct StreamListener: Sendable {
    /// A longer answer is not written down.
    private static let limit = 64 << 20

    private var events = EventStream()
    private var answer = StreamedAnswer()
    private var raw: [UInt8] = []
    private let keepsEvents: Bool
    private var count = 0

    init(keepsEvents: Bool) { self.keepsEvents = keepsEvents }

    mutating func take(_ piece: [UInt8]) {
        count += piece.count
        guard count <= Self.limit else { return }
        for event in events.take(piece) { answer.take(event) }
        if keepsEvents { raw += piece }
    }

    /// Puts what was heard into `exchange`.
    func finish(_ exchange: inout Exchange) {
        guard count <= Self.limit else {
            if exchange.error == nil { exchange.error = "The answer is too long to be written down." }
            return
        }
        exchange.response = answer.whole()?.serialized
        if keepsEvents { exchange.stream = raw }
    }
}
