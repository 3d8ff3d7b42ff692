import CLinux
import GEM
import Glibc
import Transport

extension JailDriver {
    package func examine() async -> DriverReport {
        var findings: [DriverReport.Finding] = []
        let isRoot = geteuid() == 0
        findings.append(
            DriverReport.Finding(
                "root", works: isRoot, detail: isRoot ? "runs as root" : Self.needsRoot,
                remedy: isRoot ? "" : "sudo rockctl admin start"))
        guard isRoot else { return DriverReport(driver: name, isUsable: false, findings: findings) }
        let cgroups: JailCgroups
        do throws(Failure) {
            cgroups = try await ground().cgroups
        } catch {
            findings.append(DriverReport.Finding("data directory", works: false, detail: error.message))
            return DriverReport(driver: name, isUsable: false, findings: findings)
        }
        let missing = cgroups.missing.values.sorted().first
        findings.append(
            DriverReport.Finding(
                "cgroups", works: missing == nil, detail: missing ?? "version \(cgroups.version)",
                remedy: missing == nil ? "" : Wall.memoryLimit.remedy))
        let trial = await trial(cgroups)
        findings.append(trial)
        findings.append(Disk.examine())
        findings += await network.examine()
        return DriverReport(
            driver: name, isUsable: missing == nil && trial.works, findings: findings)
    }

    /// Builds a sandbox of an empty image as far as its namespaces, and takes it down again.
    private func trial(_ cgroups: JailCgroups) async -> DriverReport.Finding {
        let title = "namespaces, idmapped and overlay mounts"
        let id = SandboxID.random()
        let folder = "\(configuration.ownFolder)/trial-\(id)"
        var specification = SandboxSpecification(
            id: id, image: "", limits: SandboxLimits(memoryBytes: 64 << 20, cpus: 1))
        specification.publishedPorts = []
        let result: Result<Void, Failure>
        do throws(Failure) {
            let range = try ranges.take()
            defer { ranges.giveBack(range) }
            result = .success(try await build(specification, folder: folder, range: range, cgroups))
        } catch {
            result = .failure(error)
        }
        _ = try? await blocking {
            cgroups.remove(id)
            rock_tree_remove(folder)
        }
        switch result {
        case .success: return DriverReport.Finding(title, works: true, detail: "a trial sandbox was built")
        case .failure(let failure):
            return DriverReport.Finding(
                title, works: false, detail: failure.message,
                remedy:
                    "Use Linux 5.19 or newer, a data directory on ext4, XFS or Btrfs, and sysctl user.max_user_namespaces above 0"
            )
        }
    }

    private func build(
        _ specification: SandboxSpecification, folder: String, range: Int, _ cgroups: JailCgroups
    ) async throws(Failure) {
        let loop = loops.next()
        let spawned = try await blocking { () throws(Failure) in
            for path in [folder, folder + "/layer", folder + "/empty"] where mkdir(path, 0o755) != 0 {
                throw Failure(.infraFailed, "\(path) cannot be made: \(KernelFile.reason(errno)).")
            }
            let root = JailRoot(
                parts: [JailRoot.Part(target: "", name: "", layers: [folder + "/empty"])], environment: [], digest: "")
            return try self.spawn(specification, root, folder: folder, range: range, cgroups, on: loop)
        }
        let deadline = loop.schedule(at: loop.now + .seconds(10)) { spawned.guest.signal(SIGKILL) }
        let word = await spawned.control.next()
        deadline.cancel()
        // It waits for the word to go on; the end of the connection ends it instead.
        spawned.control.close()
        spawned.guest.signal(SIGKILL)
        _ = await spawned.guest.exit()
        switch word {
        case .ready: return
        case .failed(let failure): throw failure
        case .ended: throw Failure(.infraFailed, "The trial sandbox ended before its walls stood.")
        }
    }
}
