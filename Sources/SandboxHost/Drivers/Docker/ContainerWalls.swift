import GEM

/// Which walls stand around a sandbox that an engine runs, in the form that all drivers answer with.
struct ContainerWalls: Sendable {
    private struct Wall {
        let name: String
        let holds: Bool
        var reason = ""
        var remedy = ""
    }

    private let walls: [Wall]

    /// - Parameters:
    ///   - specification: What was asked for.
    ///   - info: What the engine enforces.
    ///   - mapsUsers: Whether root inside is another user outside.
    ///   - limitsDisk: Whether the engine took the limit on the sandbox's own layer.
    ///   - limitsRunFolder: Whether the folder that it shares with the host is limited.
    ///   - holdsNetworkPolicy: Whether this machine connects it, and not the engine.
    init(
        _ specification: SandboxSpecification, _ info: EngineInfo, mapsUsers: Bool, limitsDisk: Bool,
        limitsRunFolder: Bool, holdsNetworkPolicy: Bool
    ) {
        var walls = [
            Wall(
                name: "user_namespace", holds: mapsUsers, reason: "root inside is root outside, with few capabilities",
                remedy: "Use the runtime jail, a rootless engine, or userns-remap in /etc/docker/daemon.json."),
            Wall(name: "mount_namespace", holds: true),
            Wall(name: "pid_namespace", holds: true),
            Wall(name: "ipc_namespace", holds: true),
            Wall(name: "uts_namespace", holds: true),
            Wall(name: "network_namespace", holds: true),
            Wall(name: "capabilities", holds: true),
            Wall(
                name: "seccomp", holds: info.filtersSystemCalls, reason: "the engine does not filter system calls",
                remedy: "Install an engine that is built with seccomp."),
            Wall(
                name: "memory_limit", holds: info.limitsMemory && info.limitsSwap,
                reason: "the engine does not limit \(info.limitsMemory ? "swap" : "memory")",
                remedy: "Boot with cgroup_enable=memory swapaccount=1, or use cgroup v2."),
            Wall(name: "cpu_limit", holds: info.limitsProcessors, reason: "the engine does not limit processors"),
            Wall(name: "process_limit", holds: info.limitsProcesses, reason: "the engine does not limit processes"),
        ]
        if specification.limits.diskBytes != nil {
            let reason =
                limitsDisk
                ? "its sockets' folder is not a file system of its own"
                : "the engine's storage (\(info.storage) on \(info.backingStorage)) cannot limit a container's layer"
            walls.append(
                Wall(
                    name: "disk_limit", holds: limitsDisk && limitsRunFolder, reason: reason,
                    remedy: limitsDisk
                        ? "Run the server as root."
                        : "Put the engine's data on XFS mounted with pquota, or use the runtime jail."))
        }
        if specification.network != .none {
            walls.append(
                Wall(
                    name: "network_policy", holds: holdsNetworkPolicy,
                    reason: "on the engine's bridge the sandbox also reaches other containers and this machine",
                    remedy: "Run the server as root, or use network none."))
        }
        self.walls = walls
    }

    /// What a refusal says; `nil` where every wall that was asked for stands. Who asks for this driver asks for containers,
    /// whose root is the engine's matter.
    var complaint: String? {
        let missing = walls.filter { !$0.holds && $0.name != "user_namespace" }
        guard !missing.isEmpty else { return nil }
        return missing.map { "\($0.name) does not hold: \($0.reason). \($0.remedy)" }.joined(separator: " ")
    }

    /// `{"complete":…,"walls":{…},"missing":[{"wall","reason","remedy"}…]}`
    var json: JSON {
        var standing = JSON.Object()
        for wall in walls { standing[wall.name] = .bool(wall.holds) }
        let missing = walls.filter { !$0.holds }.map { wall -> JSON in
            ["wall": .string(wall.name), "reason": .string(wall.reason), "remedy": .string(wall.remedy)]
        }
        return [
            "complete": .bool(missing.isEmpty), "walls": .object(standing), "missing": .array(missing),
        ]
    }
}
