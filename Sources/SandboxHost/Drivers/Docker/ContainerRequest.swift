import GEM

/// The body of `POST /containers/create` for one sandbox.
struct ContainerRequest {
    /// Labels by which a server finds its sandboxes again.
    enum Label {
        static let sandbox = "rock.sandbox"
        static let server = "rock.server"
        /// In front of the client's own.
        static let client = "rock.label."
    }

    /// What root inside may still do: what engines grant by default, less raw sockets and device files. The rest is what
    /// `apt-get install`, `useradd`, `su` and `chown` need.
    static let capabilities = [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
        "SETPCAP", "SETUID", "SYS_CHROOT",
    ]
    /// Where the rocklet lies inside, and where it puts its sockets.
    static let rockletPath = "/.rocklet"
    static let socketFolder = "/.rock"

    let specification: SandboxSpecification
    let server: String
    /// The image as the engine knows it: by digest, so that no other comes in between.
    let image: String
    let runFolder: String
    let rocklet: String
    /// Open files of each process; `nil` leaves them to the engine.
    let descriptors: Int?
    let labelsFiles: Bool
    /// Whether the container's own layer is to be limited.
    let limitsDisk: Bool
    /// The file that becomes `/etc/resolv.conf` where this machine connects the sandbox; `nil` where the engine does.
    let resolverFile: String?
    /// A seccomp profile, as the engine takes it; `nil` where the engine has no such filter.
    var seccomp: String?

    var json: JSON {
        var object: JSON.Object = [
            "Image": .string(image),
            "Hostname": .string(specification.hostname ?? specification.id.rawValue),
            // The rocklet starts programs as any user there is, whatever user the image names.
            "User": "0:0",
            "Entrypoint": .array(rockletCommand.map { .string($0) }),
            "Cmd": [],
            "Env": .array(
                specification.environment.sorted { $0.key < $1.key }.map { .string("\($0.key)=\($0.value)") }),
            "Labels": .object(labels),
            // A check that the image brings along would run beside what the sandbox is for.
            "Healthcheck": ["Test": ["NONE"]],
            "StopSignal": "SIGTERM",
            "HostConfig": .object(host),
        ]
        let ports = publishedPorts
        guard !ports.isEmpty else { return .object(object) }
        var exposed = JSON.Object()
        for port in ports { exposed["\(port)/tcp"] = .object(JSON.Object()) }
        object["ExposedPorts"] = .object(exposed)
        return .object(object)
    }

    private var labels: JSON.Object {
        var labels: JSON.Object = [
            Label.sandbox: .string(specification.id.rawValue), Label.server: .string(server),
        ]
        for (name, value) in specification.labels.sorted(by: { $0.key < $1.key }) {
            labels[Label.client + name] = .string(value)
        }
        return labels
    }

    /// On the engine's bridge other containers would reach a port that does what it is told.
    private var rockletCommand: [String] {
        [Self.rockletPath, "serve", "--folder", Self.socketFolder] + (usesBridge ? [] : ["--tcp", "22555"])
    }

    private var usesBridge: Bool { resolverFile == nil && specification.network != .none }

    /// What the engine is to publish: it can where it makes the network.
    private var publishedPorts: [UInt16] { usesBridge ? Set(specification.publishedPorts).sorted() : [] }

    private var host: JSON.Object {
        let limits = specification.limits
        var host: JSON.Object = [
            "Memory": .number(JSON.Number(Int(limits.memoryBytes))),
            // Memory and swap together: no swap on top.
            "MemorySwap": .number(JSON.Number(Int(limits.memoryBytes))),
            "NanoCpus": .number(JSON.Number(Int((limits.cpus * 1e9).rounded()))),
            "PidsLimit": .number(JSON.Number(limits.processes)),
            "Privileged": false,
            "CapDrop": ["ALL"],
            "CapAdd": .array(Self.capabilities.map { .string($0) }),
            "NetworkMode": usesBridge ? "bridge" : "none",
            "IpcMode": "private",
            "RestartPolicy": ["Name": "no"],
            "AutoRemove": false,
            "LogConfig": ["Type": "json-file", "Config": ["max-size": "1m", "max-file": "1"]],
        ]
        if !usesBridge {
            // Engines write the name down only where they give an address.
            host["ExtraHosts"] = [.string("\(specification.hostname ?? specification.id.rawValue):127.0.1.1")]
        }
        if let descriptors {
            let limit = JSON.number(JSON.Number(descriptors))
            host["Ulimits"] = [["Name": "nofile", "Soft": limit, "Hard": limit]]
        }
        if let seccomp { host["SecurityOpt"] = [.string("seccomp=\(seccomp)")] }
        if limitsDisk, let bytes = limits.diskBytes { host["StorageOpt"] = ["size": .string(String(bytes))] }
        var ports = JSON.Object()
        for port in publishedPorts {
            // Any free port, of loopback only.
            ports["\(port)/tcp"] = [["HostIp": "127.0.0.1", "HostPort": ""]]
        }
        if !ports.members.isEmpty { host["PortBindings"] = .object(ports) }
        var own = [
            SandboxMount(source: rocklet, target: Self.rockletPath),
            SandboxMount(source: runFolder, target: Self.socketFolder, isReadOnly: false),
        ]
        if let resolverFile { own.append(SandboxMount(source: resolverFile, target: "/etc/resolv.conf")) }
        var mounts = specification.mounts.map(Self.mount)
        if labelsFiles {
            // Only this form of a mount has the files labelled so that containers may use them: `z` for many, `Z` for one.
            host["Binds"] = .array(
                own.map { .string("\($0.source):\($0.target):\($0.isReadOnly ? "ro,z" : "rw,Z")") })
        } else {
            mounts += own.map(Self.mount)
        }
        if !mounts.isEmpty { host["Mounts"] = .array(mounts) }
        return host
    }

    private static func mount(_ mount: SandboxMount) -> JSON {
        [
            "Type": "bind", "Source": .string(mount.source), "Target": .string(mount.target),
            "ReadOnly": .bool(mount.isReadOnly), "BindOptions": ["Propagation": "rprivate"],
        ]
    }
}
