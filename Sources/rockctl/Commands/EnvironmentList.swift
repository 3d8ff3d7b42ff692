import Envs
import GEM

private let json = Option.flag("json", summary: "Write the specs as one JSON object")

extension Command {
    /// `rockctl env list`: what can be made. Where no server runs, none is started for it.
    static let environmentList: Command = .init(
        "list", summary: "Show what environments there are",
        discussion: """
            Asks the server that --url names or that runs in the data directory, which also offers what was registered there; \
            without one, shows what comes with Rock.
            """,
        options: [json] + ServerAccess.options,
        examples: [
            .init("rockctl env list", "Ids, turn limits and what to do."),
            .init("rockctl env list --json | jq '.environments[].id'", "Just the ids."),
        ]
    ) { call in
        let list: JSON
        if ServerAccess.isNamed(call) {
            list = try await ServerAccess.open(call).call("list")
        } else {
            var writer = JSONWriter()
            writer.beginArray()
            for spec in try EnvironmentRegistry(BuiltInEnvironments.specs).all { spec.write(to: &writer) }
            writer.endArray()
            list = ["environments": try JSON(parsing: writer.bytes.span)]
        }
        if call[json] {
            try call.console.write(bytes: list.serialized + [0x0A])
            return .success
        }
        guard let specs = list["environments"]?.array else {
            throw CommandError(.failure, "the server's list holds no environments")
        }
        let rows = specs.map { spec in
            (
                id: printable(spec["id"]?.string ?? "?"), turns: spec["max_turns"]?.int.map(String.init) ?? "drawn",
                summary: printable(spec["summary"]?.string ?? "", limit: 200)
            )
        }
        let width = max(2, rows.map(\.id.count).max() ?? 0)
        let pad = { (text: String, width: Int) in text + String(repeating: " ", count: max(0, width - text.count)) }
        var text = call.console.style.paint("\(pad("ID", width))  TURNS  TASK", .heading) + "\n"
        for row in rows { text += "\(pad(row.id, width))  \(pad(row.turns, 5))  \(row.summary)\n" }
        try call.console.write(text)
        return .success
    }
}
