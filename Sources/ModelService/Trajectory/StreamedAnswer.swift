import GEM

/// Puts the pieces of a streamed answer together to what the same model server would have said at once.
///
/// It knows the two forms that there are: chunks with choices, and Anthropic's named blocks.
struct StreamedAnswer: Sendable {
    private var answer: JSON?
    /// Anthropic's blocks under construction.
    private var blocks: [JSON] = []
    /// Anthropic's tool input, which comes as text in pieces, by block.
    private var inputs: [Int: String] = [:]

    /// Takes the data of one event.
    mutating func take(_ event: [UInt8]) {
        // `[DONE]` and whatever else is no JSON adds nothing.
        guard let json = try? JSON(parsing: event.span), json.object != nil else { return }
        if json["type"]?.string != nil { takeBlockEvent(json) } else { takeChunk(json) }
    }

    /// The whole answer; `nil` where nothing came that belongs to one.
    func whole() -> JSON? {
        guard case .object(var object)? = answer else { return nil }
        if !blocks.isEmpty {
            object["content"] = .array(
                blocks.enumerated().map { place, block in
                    guard let text = inputs[place], let input = try? JSON(parsing: text) else { return block }
                    return Self.setting(block, "input", input)
                })
        }
        return .object(object)
    }

    // MARK: Chunks

    private mutating func takeChunk(_ chunk: JSON) {
        guard case .object(let chunk) = chunk else { return }
        var whole = answer?.object ?? JSON.Object()
        for (name, value) in chunk.members {
            switch name {
            case "choices":
                whole["choices"] = Self.merge(choices: value.array ?? [], into: whole["choices"]?.array ?? [])
            case "object": whole["object"] = .string((value.string ?? "").replacing(".chunk", with: ""))
            default: if whole[name] == nil || !value.isNull { whole[name] = value }
            }
        }
        answer = .object(whole)
    }

    private static func merge(choices: [JSON], into known: [JSON]) -> JSON {
        var known = known
        for choice in choices {
            guard case .object(let members) = choice else { continue }
            let index = members["index"]?.int ?? 0
            let place = known.firstIndex { ($0["index"]?.int ?? 0) == index }
            var whole = place.flatMap { known[$0].object } ?? ["index": .number(.init(index))]
            for (name, value) in members.members where name != "index" {
                if name == "delta" {
                    whole["message"] = grow(whole["message"] ?? .object([:]), by: value)
                } else if name == "text" || name == "logprobs" {
                    whole[name] = grow(whole[name] ?? .null, by: value)
                } else if whole[name] == nil || !value.isNull {
                    whole[name] = value
                }
            }
            if let place { known[place] = .object(whole) } else { known.append(.object(whole)) }
        }
        return .array(known)
    }

    /// Names whose texts do not come in pieces.
    private static let wholeTexts: Set<String> = ["role", "id", "type"]

    private static func grow(_ known: JSON, by piece: JSON, name: String = "") -> JSON {
        switch (known, piece) {
        case (_, .null): return known
        case (.string(let text), .string(let more)): return wholeTexts.contains(name) ? piece : .string(text + more)
        case (.object(var object), .object(let more)):
            for (name, value) in more.members { object[name] = grow(object[name] ?? .null, by: value, name: name) }
            return .object(object)
        case (.null, .object(let more)):
            return grow(.object([:]), by: .object(more))
        case (.array, .array(let more)), (.null, .array(let more)):
            var list = known.array ?? []
            for element in more {
                // Elements with an index come in pieces; others are whole.
                if let index = element["index"]?.int, let place = list.firstIndex(where: { $0["index"]?.int == index })
                {
                    list[place] = grow(list[place], by: element)
                } else {
                    list.append(element)
                }
            }
            return .array(list)
        default: return piece
        }
    }

    // MARK: Blocks

    private mutating func takeBlockEvent(_ event: JSON) {
        let place = event["index"]?.int ?? 0
        switch event["type"]?.string {
        case "message_start": answer = event["message"]
        case "content_block_start":
            guard let block = event["content_block"], place == blocks.count else { return }
            blocks.append(block)
        case "content_block_delta":
            guard blocks.indices.contains(place), let delta = event["delta"] else { return }
            switch delta["type"]?.string {
            case "input_json_delta": inputs[place, default: ""] += delta["partial_json"]?.string ?? ""
            case "citations_delta":
                let known = blocks[place]["citations"]?.array ?? []
                blocks[place] = Self.setting(blocks[place], "citations", .array(known + [delta["citation"] ?? .null]))
            default:
                for (name, value) in delta.object?.members ?? [] where name != "type" {
                    blocks[place] = Self.setting(
                        blocks[place], name, Self.grow(blocks[place][name] ?? .null, by: value))
                }
            }
        case "message_delta":
            for (name, value) in event["delta"]?.object?.members ?? [] { set(name, value) }
            if let usage = event["usage"] {
                var known = answer?["usage"]?.object ?? JSON.Object()
                for (name, value) in usage.object?.members ?? [] { known[name] = value }
                set("usage", .object(known))
            }
        default: break
        }
    }

    private mutating func set(_ name: String, _ value: JSON) {
        if let answer { self.answer = Self.setting(answer, name, value) }
    }

    private static func setting(_ json: JSON, _ name: String, _ value: JSON) -> JSON {
        guard case .object(var object) = json else { return json }
        object[name] = value
        return .object(object)
    }
}
