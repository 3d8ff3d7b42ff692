import CLinux
package import GEM
import Glibc
import Synchronization
import Transport

extension JailDriver {
    package func commit(
        _ id: SandboxID, tag: String, push: Bool, credentials: RegistryCredentials?
    ) async throws(Failure) -> CommittedImage {
        let folder = StateFolder(id, in: configuration.sandboxes)
        guard let saved = try await blocking({ folder.read() }), saved.driver == Self.driverName else {
            throw Failure(.unknownSandbox, "There is no sandbox called \(id) to commit.")
        }
        guard !saved.imageDigest.isEmpty else {
            throw Failure(
                .invalidArgument,
                "commit: the sandbox \(id) runs on the machine's own tree, which is no image. Start it from an image to commit it."
            )
        }
        let ground = try await ground()
        let isRunning = state.withLock { $0.jails[id] } != nil
        let images = images
        let digest = try await blocking { () throws(Failure) in
            // A file that changes while it is read would be in the image as it never was.
            guard !isRunning || ground.cgroups.setFrozen(true, id) else {
                throw Failure(
                    .infraFailed, "commit: the processes of \(id) cannot be paused. Stop the sandbox, then try again.")
            }
            defer { if isRunning { _ = ground.cgroups.setFrozen(false, id) } }
            guard saved.specification.limits.diskBytes != nil else {
                return try images.commit(folder.path + "/layer/upper", over: saved.imageDigest, tag: tag)
            }
            let mount = rock_disk_open(folder.path + "/disk")
            guard mount >= 0 else {
                throw Failure(.infraFailed, "commit: the disk of \(id) cannot be read: \(KernelFile.reason(-mount)).")
            }
            let owned = OwnedDescriptor(mount)
            return try images.commit("/proc/self/fd/\(owned.rawValue)/upper", over: saved.imageDigest, tag: tag)
        }
        if push { try await images.push(tag, credentials: credentials) }
        return CommittedImage(name: tag, digest: digest, wasPushed: push)
    }
}
