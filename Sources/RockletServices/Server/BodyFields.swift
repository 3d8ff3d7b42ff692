package import GEM
import Transport

/// The members of a request's body, read one by one; what is missing or of another type is collected and told at once.
package struct BodyFields: Sendable {
    private let object: JSON.Object
    private var problems: [InvalidBody.Problem] = []

    /// - Throws: ``InvalidBody`` where `body` is neither empty nor a JSON object.
    package init(_ body: [UInt8]) throws(InvalidBody) {
        guard !body.isEmpty else {
            object = [:]
            return
        }
        let json: JSON
        do throws(JSONError) {
            json = try JSON(parsing: body.span)
        } catch {
            throw InvalidBody([
                .init("json_invalid", [.name("body"), .index(error.offset)], "JSON decode error: \(error)")
            ])
        }
        guard let members = json.object else {
            throw InvalidBody([
                .init("model_attributes_type", [.name("body")], "Input should be a valid dictionary or object")
            ])
        }
        object = members
    }

    /// The member as it is; `nil` where there is none, or `null`.
    package subscript(name: String) -> JSON? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    /// Whether the member is there and `null`.
    package func isNull(_ name: String) -> Bool { object[name]?.isNull ?? false }

    /// A text that must be there; empty where it is not, which ``check()`` tells.
    package mutating func text(_ name: String) -> String {
        guard let value = self[name] else {
            problems.append(.init("missing", [.name("body"), .name(name)], "Field required"))
            return ""
        }
        return value.string ?? refuse(name, "string_type", "Input should be a valid string", "")
    }

    /// A text.
    package mutating func text(_ name: String, default fallback: String) -> String {
        optionalText(name) ?? fallback
    }

    /// A text that may be missing.
    package mutating func optionalText(_ name: String) -> String? {
        guard let value = self[name] else { return nil }
        return value.string ?? refuse(name, "string_type", "Input should be a valid string", nil)
    }

    /// A number, also written as text; `nil` where it is missing.
    package mutating func number(_ name: String) -> Double? {
        guard let value = self[name] else { return nil }
        if let number = value.double ?? value.string.flatMap({ Double($0) }), number.isFinite { return number }
        return refuse(name, "float_parsing", "Input should be a valid number", nil)
    }

    /// A whole number.
    package mutating func integer(_ name: String, default fallback: Int) -> Int {
        guard let value = self[name] else { return fallback }
        if let number = value.double ?? value.string.flatMap({ Double($0) }), let exact = Int(exactly: number) {
            return exact
        }
        return refuse(name, "int_parsing", "Input should be a valid integer", fallback)
    }

    /// A truth value, also written as 0, 1 or text.
    package mutating func flag(_ name: String, default fallback: Bool) -> Bool {
        guard let value = self[name] else { return fallback }
        switch (value.bool, value.int, value.string?.lowercased()) {
        case (let flag?, _, _): return flag
        case (_, 1, _), (_, _, "true"), (_, _, "1"), (_, _, "yes"), (_, _, "on"): return true
        case (_, 0, _), (_, _, "false"), (_, _, "0"), (_, _, "no"), (_, _, "off"): return false
        default: return refuse(name, "bool_parsing", "Input should be a valid boolean", fallback)
        }
    }

    /// A list of texts; empty where it is missing.
    package mutating func texts(_ name: String) -> [String] {
        guard let value = self[name] else { return [] }
        guard let elements = value.array else {
            return refuse(name, "list_type", "Input should be a valid list", [])
        }
        let texts = elements.compactMap(\.string)
        guard texts.count == elements.count else {
            return refuse(name, "string_type", "Input should be a list of valid strings", [])
        }
        return texts
    }

    /// Names and texts; `nil` where it is missing.
    package mutating func dictionary(_ name: String) -> [(name: String, value: String)]? {
        guard let value = self[name] else { return nil }
        guard let members = value.object?.members else {
            return refuse(name, "dict_type", "Input should be a valid dictionary", nil)
        }
        let texts = members.compactMap { member in member.value.string.map { (member.name, $0) } }
        guard texts.count == members.count else {
            return refuse(name, "string_type", "Input should be a dictionary of valid strings", nil)
        }
        return texts
    }

    /// One of the texts that `Value` knows.
    package mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, default fallback: Value
    ) -> Value where Value.RawValue == String {
        guard let value = self[name] else { return fallback }
        if let choice = value.string.flatMap(Value.init(rawValue:)) { return choice }
        let allowed = Value.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        return refuse(name, "literal_error", "Input should be one of \(allowed)", fallback)
    }

    /// Notes that `name` holds what it may not.
    @discardableResult
    package mutating func refuse<Value>(_ name: String, _ type: String, _ message: String, _ fallback: Value) -> Value {
        problems.append(.init(type, [.name("body"), .name(name)], message, input: self[name] ?? .null))
        return fallback
    }

    /// Notes that `name` holds what it may not.
    package mutating func refuse(_ name: String, _ message: String) {
        refuse(name, "value_error", message, ())
    }

    /// - Throws: ``InvalidBody`` with everything that was wrong with what has been read.
    package func check() throws(InvalidBody) {
        if !problems.isEmpty { throw InvalidBody(problems) }
    }
}

/// A body of the wrong shape. The answer is the one that FastAPI gives: 422 and a list of what is wrong where.
package struct InvalidBody: Error, Equatable, Sendable {
    /// One thing that is wrong.
    package struct Problem: Equatable, Sendable {
        package enum Place: Equatable, Sendable {
            case name(String)
            case index(Int)
        }

        let type: String
        let place: [Place]
        let message: String
        let input: JSON

        /// `body.command: Field required`
        var description: String {
            let words = place.map { place in
                switch place {
                case .name(let name): name
                case .index(let index): String(index)
                }
            }
            return words.joined(separator: ".") + ": " + message
        }

        package init(_ type: String, _ place: [Place], _ message: String, input: JSON = .null) {
            self.type = type
            self.place = place
            self.message = message
            self.input = input
        }
    }

    package let problems: [Problem]

    package init(_ problems: [Problem]) { self.problems = problems }

    /// What is sent back of an input at most.
    private static let inputLimit = 4096  // bytes

    var response: HTTPResponse {
        .json(422) { json in
            json.name("detail")
            json.beginArray()
            for problem in problems {
                json.beginObject()
                json.name("type")
                json.string(problem.type)
                json.name("loc")
                json.beginArray()
                for place in problem.place {
                    switch place {
                    case .name(let name): json.string(name)
                    case .index(let index): json.integer(index)
                    }
                }
                json.endArray()
                json.name("msg")
                json.string(problem.message)
                json.name("input")
                let input = problem.input.serialized
                if input.count <= Self.inputLimit { json.raw(input.span) } else { json.null() }
                json.endObject()
            }
            json.endArray()
        }
    }
}
