import GEM

/// One request to a program.
enum ProgramOrder: Sendable, Equatable {
    case make(id: EnvironmentID, kwargs: JSON, count: Int)
    case reset(index: Int, seed: Seed?)
    /// The action as a JSON string.
    case step(index: Int, action: [UInt8])
    case sampleAction(index: Int)
    case save(index: Int)
    case restore(index: Int, state: String)

    var method: StaticString {
        switch self {
        case .make: "make"
        case .reset: "reset"
        case .step: "step"
        case .sampleAction: "sample_action"
        case .save: "save"
        case .restore: "restore"
        }
    }

    /// Which environment it is about.
    var index: Int {
        switch self {
        case .make: 0
        case .reset(let index, _), .step(let index, _), .sampleAction(let index), .save(let index),
            .restore(let index, _):
            index
        }
    }

    var isStep: Bool { if case .step = self { true } else { false } }

    /// Appends the line that says it: JSON-RPC 2.0 and a line feed.
    func append(id number: Int, to lines: inout [UInt8]) {
        var json = JSONWriter()
        json.beginObject()
        json.name("jsonrpc")
        json.string("2.0")
        json.name("id")
        json.integer(number)
        json.name("method")
        json.string(method.description)
        json.name("params")
        json.beginObject()
        switch self {
        case .make(let id, let kwargs, let count):
            json.name("env_id")
            json.string(id.description)
            json.name("kwargs")
            json.value(kwargs)
            json.name("num_envs")
            json.integer(count)
        case .reset(let index, let seed):
            json.name("index")
            json.integer(index)
            json.name("seed")
            if let seed { json.integer(seed) } else { json.null() }
        case .step(let index, let action):
            json.name("index")
            json.integer(index)
            json.name("action")
            json.raw(action.span)
        case .sampleAction(let index), .save(let index):
            json.name("index")
            json.integer(index)
        case .restore(let index, let state):
            json.name("index")
            json.integer(index)
            json.name("state")
            json.string(state)
        }
        json.endObject()
        json.endObject()
        lines += json.bytes
        lines.append(0x0A)
    }
}

/// One line of a program's: what it answered to one request.
struct ProgramAnswer: Sendable {
    let line: [UInt8]
    let number: Int
    /// Where the result is; `nil` where the program refused.
    private let result: Range<Int>?
    private let error: Range<Int>?

    /// Reads a line.
    ///
    /// - Throws: ``ProgramFault``: `garbage`, `noAnswer`, `wrongID`.
    init(_ line: [UInt8]) throws(ProgramFault) {
        self.line = line
        let values: [Range<Int>?]
        do throws(JSONError) {
            let whole = try JSONScanner.validate(line.span)
            guard line[whole.lowerBound] == 0x7B else { throw JSONError(at: whole.lowerBound, expected: .object) }
            values = try JSONScanner.values(of: ["id", "result", "error"], at: whole, in: line.span)
        } catch {
            throw .garbage("\(error), in \(ProgramFault.shown(line))")
        }
        guard let id = values[0] else { throw .noAnswer(ProgramFault.shown(line)) }
        guard let number = Int(String(decoding: line[id], as: UTF8.self)) else {
            throw .wrongID(String(ProgramFault.shown(line[id]).dropFirst().dropLast()))
        }
        self.number = number
        // Some write both, and null for the one that does not hold.
        let isNull = { (range: Range<Int>) in line[range].elementsEqual("null".utf8) }
        error = values[2].flatMap { isNull($0) ? nil : $0 }
        result = values[1]
        let hasResult = result.map { !isNull($0) } ?? false
        guard error == nil ? result != nil : !hasResult else { throw .noAnswer(ProgramFault.shown(line)) }
    }

    /// Where the members called `names` of the result are.
    ///
    /// - Throws: ``ProgramFault`` of kind `wrongType` where the result is no object, or has one of `names` twice.
    func members(_ names: [StaticString], of method: StaticString) throws(ProgramFault) -> [Range<Int>?] {
        guard let result, line[result.lowerBound] == 0x7B else {
            throw .wrongType("\(method) with a result that is no object")
        }
        do { return try JSONScanner.values(of: names, at: result, in: line.span) } catch {
            throw .wrongType("\(method) with a result that has a member twice")
        }
    }

    /// Why the program refused; `nil` where it did not.
    func refusal(_ method: StaticString, by id: EnvironmentID) -> Failure? {
        guard let error else { return nil }
        let json = try? JSON(parsing: line.span.extracting(error))
        let said = json?["message"]?.string ?? json?.string ?? "no reason"
        let message = String(said.prefix(4000))
        guard let code = json?["code"]?.int, let kind = Failure.Kind(code: code) else {
            return Failure(.envFailed, "The program of \(id) failed in \(method): \(message)")
        }
        switch kind {
        case .methodNotFound: return Failure(.methodNotFound, "The program of \(id) does not offer \(method).")
        case .invalidArgument, .invalidParams, .invalidAction, .invalidSeed, .invalidState:
            return Failure(kind == .invalidParams ? .invalidArgument : kind, message)
        default: return Failure(.envFailed, "The program of \(id) failed in \(method): \(message)")
        }
    }
}

/// What a program answered to a step or a reset.
struct ProgramTurn: Sendable {
    private let answer: ProgramAnswer
    private let observationPlace: Range<Int>
    private let infoPlace: Range<Int>?
    var reward = 0.0
    var terminated = false
    var truncated = false

    /// - Throws: ``ProgramFault`` of kind `wrongType` that names the member.
    init(_ answer: ProgramAnswer, ofStep isStep: Bool) throws(ProgramFault) {
        let method: StaticString = isStep ? "step" : "reset"
        let places = try answer.members(["observation", "info", "reward", "terminated", "truncated"], of: method)
        let line = answer.line
        guard let observation = places[0], line[observation.lowerBound] == 0x22 else {
            throw .wrongType("\(method) with an observation that is no string")
        }
        if let info = places[1], line[info.lowerBound] != 0x7B {
            throw .wrongType("\(method) with an info that is no object")
        }
        (self.answer, observationPlace, infoPlace) = (answer, observation, places[1])
        guard isStep else { return }
        guard let place = places[2], let reward = Double(String(decoding: line[place], as: UTF8.self)), reward.isFinite
        else { throw .wrongType("step with a reward that is no finite number") }
        self.reward = reward
        terminated = try Self.flag(places[3], "terminated", line)
        truncated = try Self.flag(places[4], "truncated", line)
    }

    private static func flag(_ place: Range<Int>?, _ name: String, _ line: [UInt8]) throws(ProgramFault) -> Bool {
        switch place.map({ String(decoding: line[$0], as: UTF8.self) }) {
        case "true"?: return true
        case "false"?: return false
        default: throw .wrongType("step with \(name) that is neither true nor false")
        }
    }

    /// The observation, a JSON string.
    var observation: ArraySlice<UInt8> { answer.line[observationPlace] }

    /// The members of `info`, without its braces.
    var info: ArraySlice<UInt8> {
        guard let infoPlace else { return [] }
        let inner = answer.line[(infoPlace.lowerBound + 1)..<(infoPlace.upperBound - 1)]
        return inner.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } ? [] : inner
    }
}
