import CImages
import GEM
import Glibc
import Transport

/// A folder for work in progress. It is locked as long as this process works in it, so that after a crash the next
/// store to be opened knows it for rubbish.
final class Workspace: Sendable {
    let path: String
    private let lock: OwnedDescriptor

    /// Makes one below `folder`; under the store's lock, or a store that opens meanwhile might take it for rubbish.
    init(in folder: String) throws(Failure) {
        var template = Array("\(folder)/work-XXXXXX".utf8).cString
        guard mkdtemp(&template) != nil else { throw Failure("mkdtemp", folder, errno) }
        path = template.name
        lock = try Files.open(path, O_RDONLY | O_DIRECTORY)
        guard flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 else { throw Failure("flock", path, errno) }
        for name in ["claims", "layers", "gone"] { try Files.makeFolder("\(path)/\(name)", mode: 0o700) }
    }

    deinit { end() }

    /// Removes it with all that is in it. Whoever began the work ends it: a thread that had a part in it may let go later.
    func end() {
        // What cannot be removed now is rubbish for the next store to be opened.
        try? TreeRemoval.remove(path)
    }

    /// A file's path in it.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Removes what crashed processes left below `folder`; under the store's lock.
    static func removeAbandoned(in folder: String) throws(Failure) {
        for name in try Files.names(in: folder) {
            let path = "\(folder)/\(name)"
            let result = rock_image_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0)
            if result == -ENOENT { continue }
            let work = OwnedDescriptor(try Failure.check(result, "open", path))
            guard flock(work.rawValue, LOCK_EX | LOCK_NB) == 0 else { continue }
            try TreeRemoval.remove(path)
        }
    }
}
