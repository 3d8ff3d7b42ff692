import Admin
import GEM
import Images
import SandboxHost
import Transport

private let folder = Positional("DIR", .directory, summary: "The folder that COPY and ADD copy from")
private let arguments = Rest("NAME=VALUE", .text("NAME=VALUE"), summary: "Values for the Dockerfile's ARGs")
private let tag = Option("tag", letter: "t", .text("NAME"), summary: "The image's name; needed")
private let file = Option("file", letter: "f", .file, summary: "The Dockerfile; DIR/Dockerfile by default")
private let target = Option("target", .text("STAGE"), summary: "Stop after this stage, and make it the image")
private let network = Option(
    "network", .choice(["outbound", "none"]), default: "outbound",
    summary: "Whom commands reach: everything outside this machine, or nothing")
private let noCache = Option.flag("no-cache", summary: "Do every step again")

extension Command {
    /// `rockctl image build`.
    static let imageBuild: Command = .init(
        "build", summary: "Make an image by a Dockerfile",
        discussion: """
            Knows FROM (several stages too), RUN, COPY, ADD, ENV, ARG, WORKDIR, USER, LABEL, CMD, ENTRYPOINT, EXPOSE, SHELL \
            and .dockerignore. VOLUME is only noted; HEALTHCHECK and STOPSIGNAL are left out; everything else is refused. \
            Steps that were done before over the same layers are not done again. Commands run in jails of their own, which \
            needs root.
            """,
        options: [tag, file, target, network, noCache, ImageArgument.user, ImageArgument.json] + ImageArgument.place,
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
        let reach: NetworkPolicy = call[network] == "none" ? .none : .outbound
        let runner = ready.dockerfile.needsRunner ? try runner(settings, reach) : nil
        let image = try await Interrupted.watching {
            try await runner?.begin()
            let result: Result<Image, any Error>
            do {
                let image = try await store.build(ready, runner: runner) { event in show(event, on: console) }
                result = .success(image)
            } catch {
                result = .failure(error)
            }
            await runner?.end()
            return try result.get()
        }
        try console.write(
            call[ImageArgument.json] ? ImageArgument.line(ImageArgument.json(image)) : "\(name) \(image.digest)\n")
        return .success
    }
}

private func runner(_ settings: ServerConfiguration, _ network: NetworkPolicy) throws -> JailBuildRunner {
    let rocklet = if let path = settings.sandboxes.rockletPath { path } else { try findRocklet() }
    return try JailBuildRunner(
        dataDirectory: settings.dataDirectory, rockletPath: rocklet, network: network,
        loops: try EventLoopGroup(count: 1))
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
