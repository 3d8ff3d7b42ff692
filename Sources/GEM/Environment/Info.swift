/// What an environment tells programs beside the text for the agent: its own members of `info`, such as the difficulty of
/// a level.
///
/// Most environments have nothing to add, and then nothing is written. The names `suffix`, `final_observation` and
/// `final_info` belong to the service.
public struct Info: Sendable {
    private var members = JSONWriter()

    public init() {}

    /// Adds an integer; `name` is ASCII, needs no escape and is added once a turn.
    public mutating func add(_ name: StaticString, _ value: Int) {
        members.name(name)
        members.integer(value)
    }

    /// Adds a finite number.
    public mutating func add(_ name: StaticString, _ value: Double) {
        members.name(name)
        members.double(value)
    }

    /// Adds a text.
    public mutating func add(_ name: StaticString, _ value: String) {
        members.name(name)
        members.string(value)
    }

    /// Adds members that come from elsewhere.
    mutating func add(_ object: JSON.Object) {
        for (name, value) in object.members {
            members.name(name)
            members.value(value)
        }
    }

    /// Forgets all members and keeps their storage for the next turn.
    public mutating func clear() { members.rewind() }

    /// The members as JSON, one behind the other with commas between them and no braces around.
    public var json: [UInt8] { members.bytes }
}

extension Info: Equatable {
    public static func == (one: Info, other: Info) -> Bool { one.json == other.json }
}
