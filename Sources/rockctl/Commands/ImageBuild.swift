import Admin
import GEM
import Images

private let folder = Positional("DIR", .directory, summary: "The folder that COPY and ADD copy from")
private let arguments = Rest("NAME=VALUE", .text("NAME=VALUE"), summary: "Values for the Dockerfile's ARGs")
private let tag = Option("tag", letter: "t", .text("NAME"), summary: "The image's name; needed")
private let file = Option("file", letter: "f", .file, summary: "The Dockerfile; DIR/Dockerfile by default")
private let target = Option("target", .text("STAGE"), summary: "Stop after this stage, and make it the image")
private let noCache = Option.flag("no-cache", summary: "Do every step again")

extension Command {
    /// `rockctl image build`.
    static let imageBuild: Command = .init(
        "build", summary: "Make an image by a Dockerfile",
        discussion: """
            Knows FROM (several stages too), RUN, COPY, ADD, ENV, ARG, WORKDIR, USER, LABEL, CMD, ENTRYPOINT, EXPOSE, SHELL \
            and .dockerignore. VOLUME is only noted; HEALTHCHECK and STOPSIGNAL are left out; everything else is refused. \
            Steps that were done before over the same layers are not done again.
            """,
        options: [tag, file, target, noCache, ImageArgument.user, ImageArgument.json] + ImageArgument.place,
        positionals: [folder, arguments],
        examples: [
            .init("rockctl image build -t team/agent:1 .", "By the Dockerfile here."),
            .init("rockctl image build -t py:dev -f dev.Dockerfile . VERSION=3.11", "With a value for ARG VERSION."),
        ],
        catchesSignals: true
    ) { call in
        guard let name = call[tag] else { throw UsageError(at: call.path, "say the image's name with --tag") }
        let (settings, store) = try ImageArgument.open(call)
        let path = call[file] ?? call[folder] + "/Dockerfile"
        guard let bytes = try ImageArgument.contents(of: path) else {
            throw CommandError(.notFound, "there is no file \(path)", hint: "name the Dockerfile with --file")
        }
        var request = BuildRequest(
            folder: call[folder], dockerfile: try Dockerfile(String(decoding: bytes, as: UTF8.self), name: path),
            name: name)
        for word in call[arguments] {
            guard let sign = word.firstIndex(of: "="), sign > word.startIndex else {
                throw UsageError(at: call.path, "'\(word)' is no NAME=VALUE")
            }
            request.arguments[String(word[..<sign])] = String(word[word.index(after: sign)...])
        }
        request.target = call[target]
        request.ignoresCache = call[noCache]
        request.registries = settings.runtime.registries
        request.login = try ImageArgument.login(call)
        let ready = request
        let console = call.console
        let image = try await Interrupted.watching {
            try await store.build(ready, runner: nil) { event in show(event, on: console) }
        }
        try console.write(
            call[ImageArgument.json] ? ImageArgument.line(ImageArgument.json(image)) : "\(name) \(image.digest)\n")
        return .success
    }
}

private func show(_ event: BuildEvent, on console: Console) {
    switch event {
    case .step(let number, let count, let text, let isCached):
        let head = console.errorStyle.paint("[\(number)/\(count)]", .strong)
        console.report("\(head) \(printable(text, limit: 200))\(isCached ? " (done before)" : "")\n")
    case .output(let bytes): console.report(String(decoding: bytes, as: UTF8.self))
    case .notice(let text): console.report("\(console.errorStyle.paint("note:", .warning)) \(text)\n")
    }
}
