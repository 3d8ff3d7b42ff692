import Transport

private let source = Positional(
    "SOURCE", .text("SOURCE", completion: .files), summary: "A path here, SANDBOX:PATH, or - for standard input")
private let target = Positional(
    "TARGET", .text("TARGET", completion: .files), summary: "A path here, SANDBOX:PATH, or - for standard output")
private let quiet = Option.flag("quiet", letter: "q", summary: "Do not show how far it is")

extension Command {
    /// `rockctl sandbox cp`.
    static let sandboxCopy: Command = .init(
        "cp", summary: "Copy files and folders into a sandbox and out of it",
        discussion: """
            As with cp: into a folder that exists, under the same name; else under the new name. 'FOLDER/.' means what the \
            folder holds. A file takes its place when it has arrived whole. Files belong to root inside, and here to you; \
            links stay links; devices are refused. What a sandbox sends never gets out of the folder it is for.
            """,
        options: [quiet] + ServerAccess.options, positionals: [source, target],
        examples: [
            .init("rockctl sandbox cp project 3f2a:/root", "A folder, into the folder /work if there is one."),
            .init("rockctl sandbox cp 3f2a:/root/out.json .", "A file, back."),
            .init("rockctl sandbox cp - 3f2a:/tmp/data < data", "Standard input."),
        ],
        catchesSignals: true
    ) { call in
        let (from, to) = (CopyPlace(call[source]), CopyPlace(call[target]))
        let word: String
        switch (from, to) {
        case (.inside(let name, _), .here), (.inside(let name, _), .stream), (.here, .inside(let name, _)),
            (.stream, .inside(let name, _)):
            word = name
        default:
            throw UsageError(
                at: call.path, "exactly one of the two is in a sandbox",
                hint: "write it as SANDBOX:PATH, such as 3f2a:/tmp")
        }
        let server = try await ServerAccess.open(call)
        let progress = ImageProgress("copied", call.console, isOn: !call[quiet])
        do {
            try await Interrupted.watching {
                let copy = SandboxCopy(
                    server: server, sandbox: try await SandboxArgument.resolve(word, server), progress: progress)
                switch (from, to) {
                case (.here(let path), .inside(_, let target)): try await copy.upload(path, to: target)
                case (.stream, .inside(_, let target)): try await copy.uploadStream(to: target)
                case (.inside(_, let path), .here(let target)): try await copy.download(path, to: target)
                case (.inside(_, let path), _): try await copy.downloadStream(path)
                default: break  // refused above
                }
            }
        } catch {
            progress.end()
            throw error
        }
        progress.end()
        return .success
    }
}
