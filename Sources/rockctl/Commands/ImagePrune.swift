import GEM
import Images

private let unused = Option(
    "unused-days", .integer(0...36_500, name: "DAYS"),
    summary: "Also remove images that nobody used for so many days")
private let keep = Option(
    "keep-gb", .integer(0...1_000_000, name: "GB"),
    summary: "Also remove images, those used longest ago first, until no more than so many gigabytes are left")

extension Command {
    /// `rockctl image prune`.
    static let imagePrune: Command = .init(
        "prune", summary: "Remove what no name leads to, and what was not used for long",
        discussion: "What a sandbox uses always stays.",
        options: [unused, keep, ImageArgument.json] + ImageArgument.remote,
        examples: [
            .init("rockctl image prune", "Images without a name, and layers without an image."),
            .init("rockctl image prune --unused-days 30 --keep-gb 100", "Also what is old, and what is too much."),
        ]
    ) { call in
        if let server = try await ImageArgument.server(call) {
            var params = ImageArgument.params(call)
            if let days = call[unused] { params["unused_seconds"] = .number(.init(days * 86_400)) }
            if let size = call[keep] { params["keep_bytes"] = .number(.init(size * 1_000_000_000)) }
            let report = RemovedImages(try await server.call("image.prune", .object(params)))
            try call.console.write(report.text(json: call[ImageArgument.json]))
            return .success
        }
        let (_, store) = try ImageArgument.open(call)
        var rule = PruneRule()
        rule.unusedSeconds = call[unused].map { Int64($0) * 86_400 }
        rule.keepBytes = call[keep].map { Int64($0) * 1_000_000_000 }
        let wanted = rule
        let report = try await ImageArgument.blocking { try store.prune(wanted) }
        try call.console.write(report.text(json: call[ImageArgument.json]))
        return .success
    }
}
