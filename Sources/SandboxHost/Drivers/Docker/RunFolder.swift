import CLinux
import GEM
import Glibc
import Transport

/// The folder that host and sandbox share: the rocklet inside puts its sockets there.
///
/// It is the one place of the host's disk that the sandbox can write to, so where this process may mount, it is a small
/// file system in memory of its own. Every method but ``arrivals(on:)`` blocks for as long as the kernel takes.
struct RunFolder: Sendable {
    /// Room for two sockets, and for little else.
    private static let options = "size=64k,nr_inodes=32,mode=0700"

    let state: StateFolder
    var path: String { state.path + "/run" }

    /// Makes the sandbox's state folder and this one in it.
    ///
    /// - Parameter isOpen: Whether root inside is a user outside who is not known yet. Then anybody may write here; the
    ///   folder above lets nobody through but this process's user and whoever has it mounted.
    /// - Returns: Whether what the sandbox can put here is limited.
    /// - Throws: ``Failure``: `conflict` where the sandbox is there already.
    func make(isOpen: Bool) throws(Failure) -> Bool {
        guard mkdir(state.path, 0o700) == 0 else {
            let error = errno
            if error == EEXIST { throw Failure(.conflict, "Sandbox \(state.id) exists already.") }
            throw refusal(error)
        }
        do throws(Failure) {
            return try makeInside(isOpen)
        } catch {
            // What is left of it says nothing to anybody.
            _ = try? remove()
            throw error
        }
    }

    private func makeInside(_ isOpen: Bool) throws(Failure) -> Bool {
        guard mkdir(path, 0o700) == 0 else { throw refusal(errno) }
        let flags = UInt(MS_NOSUID) | UInt(MS_NODEV) | UInt(MS_NOEXEC)
        let isLimited = mount("rock", path, "tmpfs", flags, Self.options) == 0
        // Sticky: inside, only root can remove what root has put there.
        if isOpen, chmod(path, 0o1777) != 0 { throw refusal(errno) }
        return isLimited
    }

    /// What becomes `/etc/resolv.conf` inside. The sandbox can only read it: it is a file of the host's.
    var resolverFile: String { state.path + "/resolv.conf" }

    /// Writes what the sandbox is to know about name servers, in place: a mount keeps hold of the file itself.
    func write(resolverConfiguration: String) throws(Failure) { try write(resolverConfiguration, to: resolverFile) }

    /// A seccomp profile for an engine that reads it from a file, which it does when it makes the container.
    var seccompFile: String { state.path + "/seccomp.json" }

    func write(seccompProfile: String) throws(Failure) { try write(seccompProfile, to: seccompFile) }

    private func write(_ text: String, to path: String) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw refusal(errno) }
        let bytes = Array(text.utf8)
        let error = -rock_write_all(descriptor, bytes, bytes.count)
        close(descriptor)
        guard error == 0 else { throw refusal(error) }
    }

    /// Removes the sockets of an earlier run.
    func clear() {
        for name in KernelFile.names(in: path) { unlink("\(path)/\(name)") }
    }

    /// Removes the sandbox's state folder with everything in it.
    ///
    /// - Throws: ``Failure`` where something cannot be removed.
    func remove() throws(Failure) {
        // Fails where nothing is mounted, which is as good.
        while umount2(path, Int32(MNT_DETACH) | Self.umountNoFollow) == 0 {}
        let error = FolderTree.remove(state.path)
        guard error == 0 else {
            throw Failure(
                .infraFailed,
                "What is left of sandbox \(state.id) in \(state.path) cannot be removed: \(KernelFile.reason(error)).")
        }
    }

    /// Becomes readable when something is put into the folder. Set up before the container starts, it misses nothing.
    func arrivals(on loop: EventLoop) throws(Failure) -> ReadableDescriptor {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { throw refusal(errno) }
        let owned = OwnedDescriptor(descriptor)
        guard inotify_add_watch(descriptor, path, UInt32(IN_CREATE | IN_MOVED_TO | IN_ATTRIB)) >= 0 else {
            throw refusal(errno)
        }
        return ReadableDescriptor(owned, on: loop)
    }

    private func refusal(_ error: Int32) -> Failure {
        Failure(
            .infraFailed,
            "The folder of sandbox \(state.id) cannot be made in \(state.path): \(KernelFile.reason(error)). Free space, or "
                + "check the data directory's rights.")
    }

    /// `UMOUNT_NOFOLLOW`: never through a symbolic link.
    private static let umountNoFollow: Int32 = 8
}
