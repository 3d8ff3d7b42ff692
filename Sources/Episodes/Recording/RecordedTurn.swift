import GEM

/// What one environment showed in an answer, without the text itself.
struct RecordedTurn: Equatable {
    let observation: EpisodeDigest
    /// Zero and false in the answer to a reset.
    var reward = 0.0
    var terminated = false
    var truncated = false
    /// The last observation of the episode that ended, where the next has begun with ``observation`` already.
    var lastObservation: EpisodeDigest?
}

/// Reads what goes in and out of a sandbox. Nothing in it is believed: whatever does not have the form is `nil`.
enum RecordedText {
    /// The turns in `result` of a reset, or of a step, which has rewards and flags; in a vector each field is a list.
    static func turns(_ result: Span<UInt8>, isVector: Bool, isStep: Bool) -> [RecordedTurn]? {
        let names: [StaticString] = ["observation", "reward", "terminated", "truncated", "info"]
        guard let fields = try? JSONScanner.values(of: names, at: 0..<result.count, in: result),
            let observations = list(fields[0], result, isVector)
        else { return nil }
        guard isStep else {
            let turns = observations.compactMap { digest($0, result).map { RecordedTurn(observation: $0) } }
            return turns.count == observations.count ? turns : nil
        }
        guard let rewards = list(fields[1], result, isVector), let terminated = list(fields[2], result, isVector),
            let truncated = list(fields[3], result, isVector), let infos = list(fields[4], result, isVector),
            [rewards, terminated, truncated, infos].allSatisfy({ $0.count == observations.count })
        else { return nil }
        var turns: [RecordedTurn] = []
        turns.reserveCapacity(observations.count)
        for place in observations.indices {
            guard let observation = digest(observations[place], result), let reward = number(rewards[place], result),
                let isTerminated = flag(terminated[place], result), let isTruncated = flag(truncated[place], result)
            else { return nil }
            var turn = RecordedTurn(
                observation: observation, reward: reward, terminated: isTerminated, truncated: isTruncated)
            if isTerminated || isTruncated,
                let last = try? JSONScanner.values(of: ["final_observation"], at: infos[place], in: result)[0]
            {
                turn.lastObservation = digest(last, result)
            }
            turns.append(turn)
        }
        return turns
    }

    /// The actions in the params of a step, each with the index of its environment.
    static func actions(_ params: Span<UInt8>, isVector: Bool) -> [(index: Int, action: String)]? {
        guard let fields = try? JSONScanner.values(of: ["action", "actions"], at: 0..<params.count, in: params) else {
            return nil
        }
        guard isVector else {
            return fields[0].flatMap { JSONScanner.string(at: $0, in: params) }.map { [(0, $0)] }
        }
        guard let range = fields[1] else { return nil }
        if params[range.lowerBound] == 0x5B {
            guard let elements = list(range, params, true) else { return nil }
            let texts = elements.compactMap { JSONScanner.string(at: $0, in: params) }
            return texts.count == elements.count ? Array(texts.enumerated()).map { ($0.offset, $0.element) } : nil
        }
        var scanner = JSONScanner(at: range.lowerBound)
        var actions: [(Int, String)] = []
        do {
            var object = try scanner.openObject(in: params)
            while let name = try scanner.nextName(of: &object, in: params) {
                guard let index = Int(name.meaning(of: params)) else { return nil }
                actions.append((index, try scanner.readString(in: params).meaning(of: params)))
            }
        } catch {
            return nil
        }
        return actions
    }

    /// The environments that a call names by `indices`; all of `count` where it names none.
    static func indices(_ params: JSON, count: Int?) -> [Int]? {
        let all = count ?? 1
        guard let value = params["indices"], !value.isNull else { return Array(0..<all) }
        guard let elements = value.array else { return nil }
        let indices = elements.compactMap(\.int).filter { 0..<all ~= $0 }
        return indices.count == elements.count ? indices : nil
    }

    /// The seeds of a reset, one for each of `indices`; `nil` in the list where a stream goes on.
    static func seeds(_ params: JSON, for indices: [Int]) -> [Seed?]? {
        guard let value = params["seed"], !value.isNull else { return indices.map { _ in nil } }
        if let list = value.array {
            let seeds = list.map { $0.int.flatMap { Seed(exactly: $0) } }
            return seeds.count == indices.count ? seeds : nil
        }
        guard let first = value.int else { return nil }
        let seeds = indices.compactMap { Seed(exactly: first + $0) }
        return seeds.count == indices.count ? seeds : nil
    }

    // MARK: Values

    private static func list(_ range: Range<Int>?, _ text: Span<UInt8>, _ isVector: Bool) -> [Range<Int>]? {
        guard let range else { return nil }
        guard isVector else { return [range] }
        var scanner = JSONScanner(at: range.lowerBound)
        var elements: [Range<Int>] = []
        do {
            var array = try scanner.openArray(in: text)
            while try scanner.nextElement(of: &array, in: text) { elements.append(try scanner.skipValue(in: text)) }
        } catch {
            return nil
        }
        return elements
    }

    /// The digest of the string at `range`.
    private static func digest(_ range: Range<Int>, _ text: Span<UInt8>) -> EpisodeDigest? {
        var scanner = JSONScanner(at: range.lowerBound)
        guard let string = try? scanner.readString(in: text) else { return nil }
        guard string.hasEscapes else { return EpisodeDigest(of: text.extracting(string.range)) }
        var plain: [UInt8] = []
        plain.reserveCapacity(string.range.count)
        string.appendMeaning(of: text, to: &plain)
        return EpisodeDigest(of: plain.span)
    }

    private static func number(_ range: Range<Int>, _ text: Span<UInt8>) -> Double? {
        let spelled = text.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        return Double(spelled).flatMap { $0.isFinite ? $0 : nil }
    }

    private static func flag(_ range: Range<Int>, _ text: Span<UInt8>) -> Bool? {
        switch (text[range.lowerBound], range.count) {
        case (UInt8(ascii: "t"), 4): true
        case (UInt8(ascii: "f"), 5): false
        default: nil
        }
    }
}
