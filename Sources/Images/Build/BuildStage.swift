import GEM

/// One stage of a build: an image that grows by an instruction at a time.
struct BuildStage: Sendable {
    /// What `AS` calls it.
    let name: String?
    var configuration: ImageConfiguration
    /// The lowest first.
    var layers: [Digest]
    /// What `ARG` has declared here.
    var arguments: [String: String] = [:]
    /// What the shell form of a command is run by.
    var shell = ["/bin/sh", "-c"]
    /// Whether `CMD` was set here, rather than in the image below.
    var hasCommand = false

    /// The value of a variable: of the image's environment first.
    func variable(_ name: String) -> String? {
        let prefix = name + "="
        if let entry = configuration.environment.last(where: { $0.hasPrefix(prefix) }) {
            return String(entry.dropFirst(prefix.count))
        }
        return arguments[name]
    }

    mutating func setVariable(_ name: String, _ value: String) {
        let prefix = name + "="
        if let place = configuration.environment.firstIndex(where: { $0.hasPrefix(prefix) }) {
            configuration.environment[place] = prefix + value
        } else {
            configuration.environment.append(prefix + value)
        }
    }

    /// `path` from the root on.
    func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        return configuration.workingDirectory + (configuration.workingDirectory.hasSuffix("/") ? "" : "/") + path
    }

    /// What a command of the build gets: the image's environment, and the arguments that it does not hide.
    var commandEnvironment: [String] {
        let own = configuration.environment
        let hidden = Set(own.map { String($0.prefix { $0 != "=" }) })
        let path = hidden.contains("PATH") ? [] : [ImageConfiguration.defaultPath]
        return path
            + arguments.filter { !hidden.contains($0.key) }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            + own
    }

    /// Takes over an instruction that changes only how programs are started.
    ///
    /// - Returns: Whether it was one; and a notice for people, where it means less here than its author may expect.
    /// - Throws: ``Failure`` without file and line.
    mutating func apply(
        _ instruction: Dockerfile.Instruction, _ words: DockerfileWords
    ) throws(Failure) -> (wasTaken: Bool, notice: String?) {
        let text = instruction.text
        switch instruction.name {
        case "ENV": for (name, value) in try words.pairs(text) { setVariable(name, value) }
        case "LABEL": for (name, value) in try words.pairs(text) { configuration.labels[name] = value }
        case "MAINTAINER": configuration.labels["maintainer"] = text
        case "USER": configuration.user = try words.word(text)
        case "EXPOSE":
            for port in try words.words(text) {
                let whole = port.contains("/") ? port : port + "/tcp"
                if !configuration.exposedPorts.contains(whole) { configuration.exposedPorts.append(whole) }
            }
        case "VOLUME":
            let volumes = if let list = DockerfileWords.list(text) { list } else { try words.words(text) }
            configuration.volumes += volumes.filter { !configuration.volumes.contains($0) }
            return (
                true, "VOLUME is noted in the image, but a sandbox keeps these files in its own layer like all others"
            )
        case "CMD":
            configuration.command = DockerfileWords.list(text) ?? shell + [text]
            hasCommand = true
        case "ENTRYPOINT":
            configuration.entrypoint = DockerfileWords.list(text) ?? shell + [text]
            if !hasCommand { configuration.command = [] }
        case "SHELL":
            guard let list = DockerfileWords.list(text), !list.isEmpty else {
                throw Failure(.invalidArgument, #"SHELL takes a JSON list, such as ["/bin/bash", "-c"]."#)
            }
            shell = list
        case "STOPSIGNAL", "HEALTHCHECK":
            return (true, "\(instruction.name) means nothing to a sandbox and is left out")
        default: return (false, nil)
        }
        return (true, nil)
    }
}
