import GEM
import Glibc

/// What works here.
extension DockerDriver {
    package func examine() async -> DriverReport {
        var findings: [DriverReport.Finding] = []
        func report(isUsable: Bool) -> DriverReport {
            DriverReport(driver: name, isUsable: isUsable, findings: findings)
        }
        let hasRocklet = access(configuration.rockletPath, X_OK) == 0
        findings.append(
            .init(
                "rocklet", works: hasRocklet,
                detail: hasRocklet
                    ? configuration.rockletPath
                    : "\(configuration.rockletPath) cannot be run: \(KernelFile.reason(errno))",
                remedy: hasRocklet ? "" : "make install, or name the static rocklet in the configuration"))
        let engine: Engine
        do {
            engine = try self.engine()
        } catch {
            findings.append(
                .init(
                    "socket", works: false, detail: error.message,
                    remedy: "apt-get install podman && systemctl enable --now podman.socket"))
            return report(isUsable: false)
        }
        findings.append(.init("socket", works: true, detail: "\(engine.socket.path), \(engine.socket.origin)"))
        do {
            let version = try await engine.identify()
            findings.append(
                .init("engine", works: true, detail: "\(version.name) \(version.version), API \(version.newest)"))
            let info = try EngineInfo(try await engine.json(EngineCall("GET", "/info").within(.seconds(10))))
            findings += Self.findings(info)
            return report(isUsable: hasRocklet && info.limitsMemory && info.limitsProcessors && info.limitsProcesses)
        } catch {
            findings.append(
                .init("engine", works: false, detail: error.message, remedy: remedy(error, engine.socket.path)))
            return report(isUsable: false)
        }
    }

    private func remedy(_ error: EngineError, _ socket: String) -> String {
        switch error.kind {
        case .unreachable where access(socket, W_OK) != 0 && errno == EACCES:
            "usermod -aG docker $USER, and log in again"
        case .unreachable, .timedOut, .brokeOff:
            socket.contains("podman") ? "systemctl restart podman.socket" : "systemctl restart docker"
        case .garbage: "Set docker_socket to the socket of Docker or Podman."
        case .refused: "apt-get install --only-upgrade docker.io podman"
        }
    }

    private static func findings(_ info: EngineInfo) -> [DriverReport.Finding] {
        let limits = [
            ("memory limit", info.limitsMemory && info.limitsSwap), ("processor limit", info.limitsProcessors),
            ("process limit", info.limitsProcesses),
        ]
        let cgroups = limits.map { name, works in
            DriverReport.Finding(
                name, works: works, detail: "cgroup \(info.cgroups)",
                remedy: works
                    ? "" : "Boot with systemd.unified_cgroup_hierarchy=1, and delegate cgroups to a rootless engine")
        }
        // Whether storage can be limited is known for certain only when it is tried.
        let limitsDisk =
            info.storage == "btrfs" || info.storage == "zfs"
            || (info.storage.hasPrefix("overlay") && info.backingStorage == "xfs")
        return cgroups + [
            .init(
                "system call filter", works: info.filtersSystemCalls,
                detail: info.filtersSystemCalls ? "the engine's seccomp profile" : "no seccomp profile",
                remedy: info.filtersSystemCalls
                    ? "" : "Remove seccomp-profile=unconfined from the engine's configuration"),
            .init(
                "user namespace", works: info.mapsUsers,
                detail: info.mapsUsers ? "root inside is another user outside" : "root inside is root outside",
                remedy: info.mapsUsers ? "" : "echo '{\"userns-remap\":\"default\"}' > /etc/docker/daemon.json"),
            .init(
                "disk limit", works: limitsDisk, detail: "\(info.storage) on \(info.backingStorage)",
                remedy: limitsDisk ? "" : "mount -o pquota an XFS file system on the engine's data folder"),
        ]
    }
}
