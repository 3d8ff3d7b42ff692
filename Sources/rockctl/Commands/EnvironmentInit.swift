import Glibc

private let environmentName = Positional(
    "NAME", .text("NAME"), summary: "The environment and its new folder: letters, digits and '_'")
private let language = Option(
    "lang", .choice(Skeleton.Language.allCases.map(\.rawValue)), default: Skeleton.Language.python.rawValue,
    summary: "What the program is written in")

extension Command {
    /// `rockctl env init`.
    static let environmentInit: Command = .init(
        "init", summary: "Begin an environment of your own",
        discussion: """
            Makes the folder NAME with a manifest, a program that works, the file that speaks with the server, and a test. \
            The one in Python needs nothing but Python and wraps whatever has reset and step, such as environments of GEM \
            and Gymnasium; the one in Swift is a package without dependencies.
            """,
        options: [language], positionals: [environmentName],
        examples: [
            .init("rockctl env init corridor", "A program in Python."),
            .init("rockctl env init --lang swift Corridor", "A package in Swift."),
        ]
    ) { call in
        let name = call[environmentName]
        let isWord = name.utf8.allSatisfy {
            0x61...0x7A ~= $0 | 0x20 || 0x30...0x39 ~= $0 || $0 == 0x5F
        }
        guard isWord, 1...64 ~= name.utf8.count, name.first?.isLetter == true else {
            throw CommandError(
                .usage, "NAME begins with a letter and holds letters, digits and '_', unlike '\(printable(name))'")
        }
        let skeleton = Skeleton(Skeleton.Language(rawValue: call[language]) ?? .python, name: name)
        // Never over something that is there.
        guard mkdir(name, 0o755) == 0 else {
            throw CommandError(
                .failure, "cannot make \(name): \(String(cString: strerror(errno)))")
        }
        for (path, text) in skeleton.files {
            try write(text, to: "\(name)/\(path)")
            try call.console.write("\(name)/\(path)\n")
        }
        call.console.report("Next:\n" + skeleton.next.map { "  \($0)\n" }.joined())
        return .success
    }
}

private func write(_ text: String, to path: String) throws {
    var folder = ""
    for part in path.split(separator: "/").dropLast() {
        folder += (folder.isEmpty ? "" : "/") + part
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw failure(folder) }
    }
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw failure(path) }
    defer { close(file) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        guard count > 0 else { throw failure(path) }
        rest = rest.dropFirst(count)
    }
}

private func failure(_ path: String) -> CommandError {
    CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
}
