import GEM

/// One thing wrong with a request's shape, in the form that ROCK's clients know.
struct Complaint: Sendable, Equatable {
    /// What kind of wrong, for programs.
    let type: String
    /// Where: `body`, `query` or `path`, then names and places in lists.
    let place: [String]
    /// What is wanted, for people.
    let message: String
    /// What was there instead; `nil` where it is long or secret.
    var input: JSON?
}

extension Schema {
    /// Adds to `complaints` what is wrong with `value`, which was found at `place`. At most ``complaintLimit`` are collected.
    func check(_ value: JSON, at place: [String], _ complaints: inout [Complaint]) {
        guard complaints.count < Self.complaintLimit else { return }
        if isNullable, value.isNull { return }
        switch form {
        case .any: break
        case .text(let length, let isSecret):
            guard let text = value.string else {
                return complaints.append(complaint("string_type", place, "Input should be a valid string", value))
            }
            // As JSON Schema counts; what has few enough bytes needs no counting.
            let count = text.utf8.count <= length.upperBound ? text.utf8.count : text.unicodeScalars.count
            let shown: JSON? = isSecret ? nil : value
            if count < length.lowerBound {
                complaints.append(
                    complaint(
                        "string_too_short", place, "String should have at least \(length.lowerBound) characters", shown)
                )
            } else if count > length.upperBound {
                complaints.append(
                    complaint(
                        "string_too_long", place, "String should have at most \(length.upperBound) characters", shown))
            }
        case .octal:
            guard let text = value.string, 1...4 ~= text.utf8.count, text.utf8.allSatisfy({ 0x30...0x37 ~= $0 }) else {
                return complaints.append(
                    complaint("string_pattern_mismatch", place, "Input should be octal, such as 644", value))
            }
        case .word(let words):
            guard let text = value.string, words.contains(text) else {
                let list = words.map { "'\($0)'" }.joined(separator: ", ")
                return complaints.append(complaint("enum", place, "Input should be one of \(list)", value))
            }
        case .integer(let range):
            guard let number = value.wholeNumber else {
                return complaints.append(complaint("int_type", place, "Input should be a valid integer", value))
            }
            check(number, range, at: place, value, &complaints)
        case .number(let range):
            guard case .number(let number) = value, number.double.isFinite else {
                return complaints.append(complaint("float_type", place, "Input should be a valid number", value))
            }
            check(number.double, range, at: place, value, &complaints)
        case .boolean:
            guard value.bool != nil else {
                return complaints.append(complaint("bool_type", place, "Input should be a valid boolean", value))
            }
        case .list(let item, let count):
            guard let items = value.array else {
                return complaints.append(complaint("list_type", place, "Input should be a valid list", value))
            }
            guard count.contains(items.count) else {
                let isShort = items.count < count.lowerBound
                return complaints.append(
                    complaint(
                        isShort ? "too_short" : "too_long", place,
                        isShort
                            ? "List should have at least \(count.lowerBound) items"
                            : "List should have at most \(count.upperBound) items", nil))
            }
            for (index, element) in items.enumerated() {
                let known = complaints.count
                item.check(element, at: place, &complaints)
                guard complaints.count > known else { continue }
                // Where it is is said only of what is wrong: so many texts take longer to make than the items to check.
                complaints.removeSubrange(known...)
                item.check(element, at: place + [String(index)], &complaints)
            }
        case .map(let schema):
            guard let object = value.object else {
                return complaints.append(complaint("dict_type", place, "Input should be a valid object", value))
            }
            for (name, value) in object.members { schema.check(value, at: place + [name], &complaints) }
        case .object(let fields):
            guard let object = value.object else {
                return complaints.append(
                    complaint("model_attributes_type", place, "Input should be a valid object", value))
            }
            for field in fields { field.check(object, at: place, &complaints) }
        case .either(let schemas):
            let fits = schemas.contains { schema in
                var found: [Complaint] = []
                schema.check(value, at: place, &found)
                return found.isEmpty
            }
            if !fits {
                complaints.append(
                    complaint("union_type", place, "Input should fit one of the forms this member may have", value))
            }
        }
    }

    private func check<Number: Comparable>(
        _ number: Number, _ range: ClosedRange<Number>, at place: [String], _ value: JSON,
        _ complaints: inout [Complaint]
    ) {
        if number < range.lowerBound {
            complaints.append(
                complaint(
                    "greater_than_equal", place, "Input should be greater than or equal to \(range.lowerBound)", value))
        } else if number > range.upperBound {
            complaints.append(
                complaint("less_than_equal", place, "Input should be less than or equal to \(range.upperBound)", value))
        }
    }

    private func complaint(_ type: String, _ place: [String], _ message: String, _ input: JSON?) -> Complaint {
        var shown = input
        switch input {
        case .string(let text) where text.utf8.count > 256: shown = nil
        case .array, .object: shown = nil
        default: break
        }
        return Complaint(type: type, place: place.map { String($0.prefix(128)) }, message: message, input: shown)
    }

    /// Enough to see what is wrong; a hostile body could earn millions.
    static let complaintLimit = 32

    /// The JSON value that the text of a query, path or header stands for; the text itself where the schema fits none.
    func value(ofText text: String) -> JSON {
        switch form {
        case .boolean:
            switch text {
            case "true": true
            case "false": false
            default:
                switch text.lowercased() {
                case "true", "1", "yes", "on": true
                case "false", "0", "no", "off": false
                default: .string(text)
                }
            }
        case .integer: Int(text).map { .number(JSON.Number($0)) } ?? .string(text)
        case .number: Double(text).flatMap { JSON.Number($0) }.map { .number($0) } ?? .string(text)
        case .list(let item, _):
            .array(text.split(separator: ",", omittingEmptySubsequences: false).map { item.value(ofText: String($0)) })
        case .text, .octal, .word, .map, .object, .either, .any: .string(text)
        }
    }
}

extension Field {
    /// Adds to `complaints` what is wrong with this member of `object`.
    func check(_ object: JSON.Object, at place: [String], _ complaints: inout [Complaint]) {
        guard complaints.count < Schema.complaintLimit else { return }
        if let value = object[name] {
            schema.check(value, at: place + [name], &complaints)
        } else if isRequired {
            complaints.append(Complaint(type: "missing", place: place + [name], message: "Field required"))
        }
    }
}

extension [Complaint] {
    /// All of them as one sentence.
    var sentence: String {
        map { $0.place.isEmpty ? $0.message : "\($0.place.joined(separator: ".")): \($0.message)" }.joined(
            separator: "; ") + "."
    }
}

extension JSON {
    /// The whole number this is, also where it is written `3.0`.
    var wholeNumber: Int? {
        if let int { return int }
        guard let double, let whole = Int(exactly: double) else { return nil }
        return whole
    }
}

extension JSONWriter {
    /// Writes `{"detail":[{"type","loc","msg","input"},…]}`.
    mutating func complaints(_ complaints: [Complaint]) {
        beginObject()
        name("detail")
        beginArray()
        for complaint in complaints {
            beginObject()
            name("type")
            string(complaint.type)
            name("loc")
            beginArray()
            for part in complaint.place {
                // Places in lists are numbers.
                if let index = Int(part) { integer(index) } else { string(part) }
            }
            endArray()
            name("msg")
            string(complaint.message)
            if let input = complaint.input {
                name("input")
                value(input)
            }
            endObject()
        }
        endArray()
        endObject()
    }
}
