package import GEM
import Glibc
import SandboxHost

/// Removes what is left of sandboxes that nobody can ask for any more: dead containers of this server's, folders without a sandbox.
/// What belongs to somebody else is not touched.
package struct ContainerCleanup: UpkeepTask {
    /// What is younger may be about to become a sandbox.
    private let seconds: Int64

    package init(_ parameters: inout TaskParameters) throws(Failure) {
        let hours = try parameters.number("max_age_hours", in: 0...87_600) ?? 24
        seconds = Int64((hours * 3600).rounded())
    }

    package func run(at workplace: Workplace) async throws(Failure) -> TaskReport {
        let time = Int64(Glibc.time(nil)) - seconds
        // Asked before looking, so that what begins meanwhile is younger than what is looked for.
        let folder = workplace.folder + "/sandboxes"
        let found = try await onThread { () throws(Failure) in Self.folders(in: folder, madeBefore: time) }
        let wanted = try await workplace.wanted().get()
        var containers: [String] = []
        for case let docker as DockerDriver in workplace.images {
            containers += try await docker.removeStrays(except: wanted, madeBefore: time)
        }
        var folders: [String] = []
        var failures: [String] = []
        for (id, driver) in found where !wanted.contains(id) && workplace.machine.sandbox(id) == nil {
            if Task.isCancelled { break }
            do throws(Failure) {
                try await workplace.machine.remove(id, driver: driver)
                folders.append(id.rawValue)
            } catch {
                failures.append("\(id): \(error.message)")
            }
        }
        let details: JSON.Object = [
            "removed_containers": .array(containers.prefix(500).map { .string($0) }),
            "removed_folders": .array(folders.prefix(500).map { .string($0) }),
        ]
        guard failures.isEmpty else { return .failed(failures.prefix(20).joined(separator: " "), details: details) }
        return TaskReport(.success, details: details)
    }

    /// The state folders made before `time`, with their sandboxes' drivers.
    private static func folders(in folder: String, madeBefore time: Int64) -> [(id: SandboxID, driver: String)] {
        StateFolder.all(in: folder).compactMap { folder in
            var facts = stat()
            guard lstat(folder.path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR,
                Int64(facts.st_mtim.tv_sec) < time,
                let state = folder.read()
            else { return nil }
            return (folder.id, state.driver)
        }
    }
}
