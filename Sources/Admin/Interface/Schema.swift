import GEM

/// What a JSON value must be: checked when it comes in, published as JSON Schema.
struct Schema: Sendable {
    indirect enum Form: Sendable {
        /// Any text of so many characters; one of `secret` never appears in a complaint.
        case text(ClosedRange<Int>, isSecret: Bool)
        /// Permission bits as people write them: `644`.
        case octal
        case word([String])
        case integer(ClosedRange<Int>)
        case number(ClosedRange<Double>)
        case boolean
        case list(Schema, ClosedRange<Int>)
        /// An object whose names are free.
        case map(Schema)
        case object([Field])
        case either([Schema])
        case any
    }

    let form: Form
    var isNullable = false

    init(_ form: Form, isNullable: Bool = false) {
        self.form = form
        self.isNullable = isNullable
    }

    /// The same, or null.
    var orNull: Schema { Schema(form, isNullable: true) }

    /// Of any length that a request can have.
    static let text = text(most: 1 << 20)
    static func text(least: Int = 0, most: Int = 1 << 20) -> Schema { Schema(.text(least...most, isSecret: false)) }
    static let secret = Schema(.text(0...8192, isSecret: true))
    static func word(_ words: String...) -> Schema { Schema(.word(words)) }
    static func integer(_ range: ClosedRange<Int> = Int(Int32.min)...Int(Int32.max)) -> Schema {
        Schema(.integer(range))
    }
    static func number(_ range: ClosedRange<Double> = -1e15...1e15) -> Schema { Schema(.number(range)) }
    static let boolean = Schema(.boolean)
    static func list(of item: Schema, _ count: ClosedRange<Int> = 0...10_000) -> Schema { Schema(.list(item, count)) }
    static func map(of value: Schema) -> Schema { Schema(.map(value)) }
    static func object(_ fields: Field...) -> Schema { Schema(.object(fields)) }
    static func object(_ fields: [Field]) -> Schema { Schema(.object(fields)) }
    static func either(_ schemas: Schema...) -> Schema { Schema(.either(schemas)) }
    static let any = Schema(.any)
    static let null = Schema(.either([]), isNullable: true)
}

/// A member of an object.
struct Field: Sendable {
    let name: String
    let schema: Schema
    let isRequired: Bool
    /// What holds when the member is left out.
    let standard: JSON?
    let summary: String

    /// A member that must be there.
    static func required(_ name: String, _ schema: Schema, _ summary: String = "") -> Field {
        Field(name: name, schema: schema, isRequired: true, standard: nil, summary: summary)
    }

    /// A member that may be left out.
    static func optional(_ name: String, _ schema: Schema, default standard: JSON? = nil, _ summary: String = "")
        -> Field
    {
        Field(name: name, schema: schema, isRequired: false, standard: standard, summary: summary)
    }
}
