import CLinux
import Glibc
import Transport

extension FileTree {
    /// Folders within each other that are held open at a time. Deeper ones are moved up, so that no depth is too much.
    private static let depthLimit = 64

    /// Removes a file, a link, an empty folder or, with `recursively`, a folder and all that is in it. Never goes onto
    /// another mount.
    ///
    /// - Throws: ``RockletException``: `EBUSY` for a mount point, and then what came before it is gone already.
    func remove(_ path: String, recursively: Bool) throws(RockletException) {
        var trimmed = path
        while trimmed.utf8.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        let place = try place(of: trimmed)
        let name = place.name.utf8.map { CChar(bitPattern: $0) } + [0]
        if unlinkat(place.folder.rawValue, name, 0) == 0 { return }
        guard errno == EISDIR || errno == EPERM else { throw RockletException(errno: errno, path) }
        if recursively { try empty(name, in: place.folder, top: nil, depth: 0, path) }
        guard unlinkat(place.folder.rawValue, name, AT_REMOVEDIR) == 0 else {
            throw RockletException(errno: errno, path)
        }
    }

    /// Removes what is in the folder `name`; `top` is the outermost of the folders that are being emptied.
    private func empty(
        _ name: [CChar], in parent: OpenFile, top: OpenFile?, depth: Int, _ path: String
    ) throws(RockletException) {
        let result = rock_open_below(
            parent.rawValue, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, UInt64(ROCK_RESOLVE_NO_XDEV))
        guard result >= 0 else { throw RockletException(errno: result == -EXDEV ? EBUSY : -result, path) }
        let folder = OpenFile(OwnedDescriptor(result))
        let top = top ?? folder
        while true {
            // Again after each round: what was too deep has been moved here meanwhile.
            let names = try names(in: folder, path)
            if names.isEmpty { return }
            for bytes in names {
                let child = bytes.map { CChar(bitPattern: $0) } + [0]
                if unlinkat(folder.rawValue, child, 0) == 0 || errno == ENOENT { continue }
                guard errno == EISDIR || errno == EPERM else { throw RockletException(errno: errno, path) }
                if depth >= Self.depthLimit {
                    let moved = ".rock-\(UInt64.random(in: .min ... .max))"
                    guard renameat(folder.rawValue, child, top.rawValue, moved) == 0 else {
                        throw RockletException(errno: errno, path)
                    }
                    continue
                }
                try empty(child, in: folder, top: top, depth: depth + 1, path)
                guard unlinkat(folder.rawValue, child, AT_REMOVEDIR) == 0 || errno == ENOENT else {
                    throw RockletException(errno: errno, path)
                }
            }
        }
    }
}
