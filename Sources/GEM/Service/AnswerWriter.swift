/// Writes one answer: the envelope, and the turns of a step or reset as they are played.
///
/// Observations go straight to the line, where they come first; rewards, flags and infos wait in buffers until all turns are
/// played. All storage is used again for the next answer.
struct AnswerWriter: Sendable {
    /// The line so far.
    var json = JSONWriter()
    /// Whether answers are lists with an entry for each environment.
    var isVector = false
    /// Whether `info` repeats the state block as `suffix`.
    var showsSuffix = false

    /// Buffers beyond this many bytes are given back after use: thousands of sandboxes share a machine.
    static let roomKept = 1 << 18

    private var start = 0
    private var results: [StepResult] = []
    private var infos = JSONWriter()

    // MARK: Envelope

    /// Begins the answer with the id `id` of `line` behind what `output` holds; an empty id is written as `null`.
    mutating func begin(_ line: Span<UInt8>, id: Range<Int>, taking output: inout [UInt8]) {
        start = output.count
        json = JSONWriter(taking: &output)
        beginEnvelope(line, id)
        json.name("result")
    }

    /// Ends the answer and hands the line, with its line feed, back to `output`.
    mutating func end(into output: inout [UInt8]) {
        json.endObject()
        json.finish(into: &output)
        json = JSONWriter()
        output.append(0x0A)
        if infos.bytes.capacity > Self.roomKept { infos = JSONWriter() }
    }

    /// Puts `failure` in the place of whatever has been written of the answer.
    mutating func replace(with failure: Failure, _ line: Span<UInt8>, id: Range<Int>) {
        json.rewind(to: start)
        beginEnvelope(line, id)
        json.name("error")
        json.failure(failure)
    }

    private mutating func beginEnvelope(_ line: Span<UInt8>, _ id: Range<Int>) {
        json.beginObject()
        json.name("id")
        if id.isEmpty { json.null() } else { json.raw(line.extracting(id)) }
    }

    // MARK: Texts

    /// Begins a result with one member, the text or texts of the environments.
    mutating func beginTexts(_ name: StaticString) {
        json.beginObject()
        json.name(name)
        if isVector { json.beginArray() }
    }

    /// Ends it.
    mutating func endTexts() {
        if isVector { json.endArray() }
        json.endObject()
    }

    // MARK: Turns

    /// Begins the result of a step or reset.
    mutating func beginTurns() {
        results.removeAll(keepingCapacity: true)
        infos.rewind()
        json.beginObject()
        json.name("observation")
        if isVector { json.beginArray() }
    }

    /// Takes one environment's turn.
    @inline(__always)
    mutating func append(
        _ turn: VectorEnvironment.Turn, _ observation: borrowing Observation, _ last: borrowing Observation
    ) {
        json.observation(observation)
        results.append(turn.result)
        infos.beginObject()
        appendInfo(of: observation)
        if turn.hasLastObservation { appendLast(last) }
        infos.endObject()
    }

    private mutating func appendLast(_ last: borrowing Observation) {
        infos.name("final_observation")
        infos.observation(last)
        infos.name("final_info")
        infos.beginObject()
        appendInfo(of: last)
        infos.endObject()
    }

    @inline(__always)
    private mutating func appendInfo(of observation: borrowing Observation) {
        infos.members(observation.info)
        if showsSuffix {
            infos.name("suffix")
            infos.string(observation.state.bytes.span)
        }
    }

    /// Ends the result: with rewards and flags for a step, without them for a reset.
    mutating func endTurns(ofStep isStep: Bool) {
        if isVector { json.endArray() }
        if isStep {
            column("reward") { $0.double($1.reward) }
            column("terminated") { $0.bool($1.terminated) }
            column("truncated") { $0.bool($1.truncated) }
        }
        json.name("info")
        if isVector { json.beginArray() }
        let written = infos.bytes
        if !written.isEmpty { json.raw(written.span) }
        if isVector { json.endArray() }
        json.endObject()
    }

    @inline(__always)
    private mutating func column(_ name: StaticString, _ write: (inout JSONWriter, StepResult) -> Void) {
        json.name(name)
        if isVector { json.beginArray() }
        for result in results { write(&json, result) }
        if isVector { json.endArray() }
    }
}

extension JSONWriter {
    /// Writes what an environment adds to the open object.
    @inline(__always)
    fileprivate mutating func members(_ info: borrowing Info) {
        let members = info.json
        if !members.isEmpty { raw(members.span) }
    }

    /// Writes the observation as one text: message, line feed, state.
    @inline(__always)
    fileprivate mutating func observation(_ observation: borrowing Observation) {
        beginString()
        appendToString(observation.message.bytes.span)
        appendLineFeedToString()
        appendToString(observation.state.bytes.span)
        endString()
    }
}
