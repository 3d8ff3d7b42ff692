import GEM
import Images

private let output = Option("output", letter: "o", .file, summary: "The tar to write; IMAGE.tar by default")

extension Command {
    /// `rockctl image save`.
    static let imageSave: Command = .init(
        "save", summary: "Write an image to a tar",
        discussion: """
            The tar is an OCI layout, and 'docker load' and 'podman load' read it too. A file that exists is not overwritten.
            """,
        options: [output] + ImageArgument.place, positionals: [ImageArgument.name],
        examples: [.init("rockctl image save python:3.11 -o python.tar", "To carry it to another machine.")]
    ) { call in
        let (_, store) = try ImageArgument.open(call)
        let name = call[ImageArgument.name]
        let plain = String(name.map { $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" ? $0 : "-" })
        let path = call[output] ?? plain + ".tar"
        let digest = try await ImageArgument.blocking { () -> String? in
            try store.resolve(name) == nil ? nil : try store.save(name, to: path)
        }
        guard let digest else { throw CommandError.noImage(name) }
        try call.console.write("\(path) \(digest)\n")
        return .success
    }
}
