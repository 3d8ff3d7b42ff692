import GEM
import Glibc
import Synchronization
import Transport

/// Goes through a Dockerfile, stage by stage.
struct ImageBuilder {
    private let store: ImageStore
    private let request: BuildRequest
    private let runner: (any BuildRunner)?
    private let report: @Sendable (BuildEvent) -> Void
    private let work: Workspace
    private var stages: [BuildStage] = []
    /// What `ARG` in front of the first `FROM` declares.
    private var globals: [String: String] = [:]
    private var used: Set<String> = []
    private var files = 0

    init(
        _ store: ImageStore, _ request: BuildRequest, _ runner: (any BuildRunner)?,
        _ report: @escaping @Sendable (BuildEvent) -> Void, _ work: Workspace
    ) {
        (self.store, self.request, self.runner, self.report, self.work) = (store, request, runner, report, work)
    }

    private var file: Dockerfile { request.dockerfile }

    mutating func run() async throws(Failure) -> BuildStage {
        for (place, instruction) in file.instructions.enumerated() {
            if instruction.name == "FROM", let done = targetReached { return done }
            do {
                try await run(instruction, number: place + 1)
            } catch {
                let cause = failure(error)
                throw Failure(cause.kind, "\(file.name):\(instruction.line): \(cause.message)")
            }
        }
        guard let last = targetReached ?? (request.target == nil ? stages.last : nil) else {
            let why = request.target.map { "there is no stage '\($0)'" } ?? "there is no FROM"
            throw Failure(.invalidArgument, "\(file.name): \(why).")
        }
        for name in request.arguments.keys.sorted() where !used.contains(name) {
            report(.notice("no ARG takes the argument '\(name)'"))
        }
        return last
    }

    private var targetReached: BuildStage? {
        guard let target = request.target, let last = stages.last, last.name == target.lowercased() else { return nil }
        return last
    }

    private mutating func run(_ instruction: Dockerfile.Instruction, number: Int) async throws(Failure) {
        let (report, count) = (report, file.instructions.count)
        let begin = { (text: String, isCached: Bool) in
            report(.step(number: number, of: count, text: text, isCached: isCached))
        }
        let shown = "\(instruction.name) \(instruction.text)"
        if instruction.name == "FROM" {
            begin(shown, false)
            return try await from(instruction)
        }
        if instruction.name == "ARG" { return try argument(instruction) }
        guard var stage = stages.last else {
            throw Failure(.invalidArgument, "\(instruction.name) stands in front of the first FROM.")
        }
        let words = words(stage)
        switch instruction.name {
        case "RUN": try await command(instruction, &stage, begin)
        case "COPY", "ADD":
            begin(shown, false)
            try await copy(instruction, &stage, words)
        case "WORKDIR":
            begin(shown, false)
            stage.configuration.workingDirectory = stage.absolute(try words.word(instruction.text))
            try await makeWorkingDirectory(&stage)
        default:
            let (wasTaken, notice) = try stage.apply(instruction, words)
            guard wasTaken else {
                throw Failure(.invalidArgument, "the instruction \(instruction.name) is not supported.")
            }
            begin(shown, false)
            if let notice { report(.notice("\(file.name):\(instruction.line): \(notice)")) }
        }
        stage.configuration.history.append(shown)
        stages[stages.count - 1] = stage
    }

    private func words(_ stage: BuildStage?) -> DockerfileWords {
        let globals = globals
        return DockerfileWords(escape: file.escape) { name in
            if let stage { stage.variable(name) } else { globals[name] }
        }
    }

    // MARK: FROM and ARG

    private mutating func from(_ instruction: Dockerfile.Instruction) async throws(Failure) {
        var parts = try words(nil).words(instruction.text)
        if let flag = parts.first, flag.hasPrefix("--platform=") {
            let platform = flag.dropFirst(11)
            guard ["linux/\(ImageConfiguration.thisArchitecture)", "linux"].contains(platform) || platform.isEmpty
            else {
                throw Failure(.invalidArgument, "images for \(platform) cannot be built here.")
            }
            parts.removeFirst()
        }
        guard parts.count == 1 || (parts.count == 3 && parts[1].lowercased() == "as") else {
            throw Failure(.invalidArgument, "FROM takes IMAGE or IMAGE AS STAGE.")
        }
        let name = parts.count == 3 ? parts[2].lowercased() : nil
        if parts[0] == "scratch" {
            stages.append(BuildStage(name: name, configuration: ImageConfiguration(), layers: []))
        } else if let earlier = stages.first(where: { $0.name == parts[0].lowercased() }) {
            stages.append(
                BuildStage(name: name, configuration: earlier.configuration, layers: earlier.layers))
        } else {
            let image = try await store.image(parts[0], pull: .missing, from: request.registries, login: request.login)
            for layer in image.layerDigests where try !store.claim(layer, for: work) { throw store.unknown(parts[0]) }
            stages.append(BuildStage(name: name, configuration: image.configuration, layers: image.layerDigests))
        }
    }

    private mutating func argument(_ instruction: Dockerfile.Instruction) throws(Failure) {
        let platform = [
            "TARGETARCH": ImageConfiguration.thisArchitecture, "TARGETOS": "linux",
            "TARGETPLATFORM": "linux/\(ImageConfiguration.thisArchitecture)",
        ]
        for word in try words(stages.last).words(instruction.text) {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            used.insert(parts[0])
            let fallback = parts.count > 1 ? parts[1] : nil
            if stages.isEmpty {
                globals[parts[0]] = request.arguments[parts[0]] ?? fallback
            } else {
                let value = request.arguments[parts[0]] ?? fallback ?? globals[parts[0]] ?? platform[parts[0]]
                stages[stages.count - 1].arguments[parts[0]] = value
            }
        }
    }

    // MARK: RUN

    private mutating func command(
        _ instruction: Dockerfile.Instruction, _ stage: inout BuildStage, _ begin: (String, Bool) -> Void
    ) async throws(Failure) {
        let shown = "RUN \(instruction.text)"
        if let flag = instruction.text.split(separator: " ").first, flag.hasPrefix("--") {
            throw Failure(.invalidArgument, "RUN \(flag.prefix { $0 != "=" }) is not supported.")
        }
        let arguments = DockerfileWords.list(instruction.text) ?? stage.shell + [instruction.text]
        let environment = stage.commandEnvironment
        let key = Digest(
            of: JSON.array(
                [
                    stage.layers.map(\.description), arguments, environment,
                    [stage.configuration.workingDirectory, stage.configuration.user],
                ].map { .array($0.map(JSON.string)) }
            ).serialized)
        if !request.ignoresCache, let cached = try store.cachedLayer(key, for: work) {
            begin(shown, true)
            stage.layers.append(cached)
            return
        }
        begin(shown, false)
        guard let runner else {
            throw Failure(.invalidArgument, "RUN needs a sandbox driver, and none is at hand.")
        }
        files += 1
        let captured = work.file("captured-\(files).tar")
        let taken = Mutex<Digest?>(nil)
        let output = report
        let status = try await runner.run(
            BuildCommand(
                layers: folders(stage.layers),
                capture: { upper throws(Failure) in
                    let digest = try LayerArchiver.write(folder: upper, to: captured)
                    taken.withLock { $0 = digest }
                },
                arguments: arguments, environment: environment,
                workingDirectory: stage.configuration.workingDirectory, user: stage.configuration.user)
        ) { output(.output($0)) }
        guard status == 0 else {
            throw Failure(
                .invalidArgument, "the command ended with status \(status): \(instruction.text.prefix(200))")
        }
        let digest = taken.withLock { $0 }
        let layer = try await keep { (tar: String, _: ImageLimits) throws(Failure) in
            guard let digest, rename(captured, tar) == 0 else {
                throw Failure(.infraFailed, "what the command changed is lost.")
            }
            return digest
        }
        try store.remember(layer, as: key)
        stage.layers.append(layer)
    }

    // MARK: COPY, ADD, WORKDIR

    private mutating func copy(
        _ instruction: Dockerfile.Instruction, _ stage: inout BuildStage, _ words: DockerfileWords
    ) async throws(Failure) {
        var text = instruction.text[...]
        var flags: [String: String] = [:]
        while text.hasPrefix("--") {
            let flag = text.prefix { $0 != " " }
            text = Dockerfile.trim(text.dropFirst(flag.count))[...]
            let parts = flag.dropFirst(2).split(separator: "=", maxSplits: 1).map(String.init)
            guard let name = parts.first, ["from", "chown", "chmod", "link"].contains(name) else {
                throw Failure(.invalidArgument, "\(instruction.name) \(flag) is not supported.")
            }
            flags[name] = try words.word(parts.count > 1 ? parts[1] : "true")
        }
        var paths = if let list = DockerfileWords.list(String(text)) { list } else { try words.words(String(text)) }
        guard paths.count >= 2 else {
            throw Failure(.invalidArgument, "\(instruction.name) takes SOURCE … DESTINATION.")
        }
        let destination = stage.absolute(paths.removeLast())
        let isAdd = instruction.name == "ADD"
        if isAdd, let remote = paths.first(where: { $0.contains("://") || $0.hasPrefix("git@") }) {
            throw Failure(.invalidArgument, "ADD \(remote): addresses are not supported; fetch it by RUN curl.")
        }
        var job = CopyJob(base: folders(stage.layers), from: [request.folder], sources: paths, destination: destination)
        (job.owner, job.unpacks) = (flags["chown"], isAdd)
        if let mode = flags["chmod"] {
            guard let bits = UInt32(mode, radix: 8), bits <= 0o7777 else {
                throw Failure(.invalidArgument, "--chmod takes an octal number, such as 755.")
            }
            job.mode = bits
        }
        if let name = flags["from"] {
            job.from = try await source(name)
        } else {
            job.ignore = IgnoreRules(try Files.read(request.folder + "/.dockerignore")?.text ?? "")
        }
        let ready = job
        stage.layers.append(
            try await keep { (tar: String, limits: ImageLimits) throws(Failure) in try ready.run(into: tar, limits) })
    }

    /// The layers of what `--from` names: a stage by name or number, or an image.
    private func source(_ name: String) async throws(Failure) -> [String] {
        if let stage = stages.first(where: { $0.name == name.lowercased() }) { return folders(stage.layers) }
        if let number = Int(name), stages.indices.contains(number) { return folders(stages[number].layers) }
        let image = try await store.image(name, pull: .missing, from: request.registries, login: request.login)
        for layer in image.layerDigests where try !store.claim(layer, for: work) { throw store.unknown(name) }
        return image.layers
    }

    private mutating func makeWorkingDirectory(_ stage: inout BuildStage) async throws(Failure) {
        let base = try FileUnion(folders(stage.layers))
        let path = FileUnion.parts(stage.configuration.workingDirectory)
        if let node = try base.resolve(path).node {
            guard node.isFolder else { throw Failure(.invalidArgument, "WORKDIR is a file in the image.") }
            return
        }
        let layers = folders(stage.layers)
        stage.layers.append(
            try await keep { (tar: String, _: ImageLimits) throws(Failure) in
                let layer = try CopyLayer(tar, over: try FileUnion(layers), owner: nil)
                _ = try layer.addFolder(path)
                return try layer.finish()
            })
    }

    // MARK: Layers

    /// The folders of layers, the topmost first and each once.
    private func folders(_ layers: [Digest]) -> [String] {
        ImageStore.distinct(layers).map { store.layerPath($0) + "/files" }
    }

    /// Makes a layer of the tar that `make` writes.
    private mutating func keep(
        _ make: @escaping @Sendable (String, ImageLimits) throws(Failure) -> Digest
    ) async throws(Failure) -> Digest {
        files += 1
        let (store, work, tar) = (store, work, work.file("step-\(files).tar"))
        do {
            return try await transferPool.run {
                defer { unlink(tar) }
                let digest = try make(tar, store.limits)
                if try store.claim(digest, for: work) { return digest }
                let file = try Files.open(tar, O_RDONLY)
                let unpacked = try store.unpack(file, "A step's layer", in: work)
                try store.publish(unpacked, from: work)
                return unpacked
            }
        } catch {
            throw failure(error)
        }
    }
}
