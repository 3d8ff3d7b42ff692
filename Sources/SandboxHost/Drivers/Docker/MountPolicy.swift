import CLinux
import GEM
import Glibc

/// Which folders of this machine a sandbox may see.
struct MountPolicy {
    let allowed: [MountRoot]
    /// A folder of which nothing is shown, nor anything above it: the server's own data.
    var hidden: String?

    /// More than any sandbox needs.
    private static let most = 64
    /// Where a mount would hide what makes the sandbox one.
    private static let reserved = [
        "/proc", "/sys", "/dev", ContainerRequest.socketFolder, ContainerRequest.rockletPath,
    ]

    /// - Throws: ``Failure`` of kind `invalidArgument` or `forbidden` that names the mount.
    func check(_ mounts: [SandboxMount]) throws(Failure) {
        guard mounts.count <= Self.most else {
            throw Failure(.invalidArgument, "A sandbox can have at most \(Self.most) mounts.")
        }
        for mount in mounts {
            guard Self.isPlain(mount.source), Self.isPlain(mount.target), mount.target != "/" else {
                throw Failure(
                    .invalidArgument,
                    "A mount goes from an absolute path to another, without \"..\" and not onto /: "
                        + "\(EngineText.line(mount.source)) to \(EngineText.line(mount.target)).")
            }
            guard !Self.reserved.contains(where: { MountRoot.folder($0, holds: mount.target) }) else {
                throw Failure(.invalidArgument, "Nothing can be mounted on \(EngineText.line(mount.target)).")
            }
            // What a link leads to is what would be mounted.
            guard let source = Self.real(mount.source) else {
                throw Failure(.invalidArgument, "There is no \(EngineText.line(mount.source)) to be mounted.")
            }
            let roots = allowed.map { MountRoot(Self.real($0.path) ?? $0.path, allowsWriting: $0.allowsWriting) }
            guard source == mount.source, mount.isGranted || roots.contains(where: { $0.holds(source) }) else {
                throw Failure(
                    .forbidden,
                    "The server does not let sandboxes see \(EngineText.line(mount.source)). Add its folder, by its real path, "
                        + "to runtime.allowed_mounts.")
            }
            guard mount.isGranted || roots.contains(where: { $0.allows(mount) }) else {
                throw Failure(
                    .forbidden,
                    "\(EngineText.line(mount.source)) may be mounted read-only. To have it written to, add :rw to it in "
                        + "runtime.allowed_mounts.")
            }
            if let hidden, MountRoot.folder(hidden, holds: source) || MountRoot.folder(source, holds: hidden) {
                throw Failure(
                    .forbidden,
                    "\(EngineText.line(source)) may not be mounted: the server's data directory is in it.")
            }
        }
    }

    /// What each mount leads to, by device and inode, when it was checked.
    struct Sources: Equatable, Sendable {
        fileprivate var files: [File] = []

        fileprivate struct File: Equatable, Sendable {
            let target: String
            let device: UInt64
            let inode: UInt64
        }
    }

    /// Looks up what is to be mounted, through no link. Comes after ``check(_:)``.
    static func sources(_ mounts: [SandboxMount]) throws(Failure) -> Sources {
        var sources = Sources()
        for mount in mounts {
            guard let file = file(mount.source, in: "/", resolve: ROCK_RESOLVE_NO_SYMLINKS, as: mount.target) else {
                throw Failure(.invalidArgument, "\(EngineText.line(mount.source)) cannot be mounted.")
            }
            sources.files.append(file)
        }
        return sources
    }

    /// Whether the process sees at each target what was looked up. Between the look and the mount, another sandbox that may
    /// write there could have put a link in the place.
    static func isMounted(_ sources: Sources, in process: ProcessIdentity) -> Bool {
        sources.files.allSatisfy { expected in
            file(
                expected.target, in: "/proc/\(process.number)/root", resolve: ROCK_RESOLVE_IN_ROOT, as: expected.target)
                == expected
        }
    }

    private static func file(
        _ path: String, in root: String, resolve: some BinaryInteger, as target: String
    ) -> Sources.File? {
        let folder = open(root, rock_o_path() | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return nil }
        defer { close(folder) }
        let descriptor = rock_open_below(
            folder, String(path.drop { $0 == "/" }), rock_o_path() | O_CLOEXEC, 0, UInt64(resolve))
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        return Sources.File(target: target, device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    private static func isPlain(_ path: String) -> Bool {
        guard path.hasPrefix("/"), path.utf8.count < 4096, !path.utf8.contains(0) else { return false }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        return path == "/" || segments.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    private static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
