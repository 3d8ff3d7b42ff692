import GEM
import Glibc
import Tar
import Testing

@testable import Images

/// A folder for one test, which goes with it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/rock-images-test-XXXXXX".utf8).cString
        try #require(mkdtemp(&template) != nil)
        path = template.name
    }

    deinit { try? TreeRemoval.remove(path) }

    func store(_ limits: ImageLimits = ImageLimits()) throws -> ImageStore {
        try ImageStore(folder: path + "/images", limits: limits)
    }

    /// Writes a tar of `members` and returns its path.
    func tar(_ members: [Member], _ name: String = "test.tar") throws -> String {
        let path = "\(path)/\(name)"
        let writer = TarWriter(try Files.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644), path)
        for member in members { try member.write(to: writer) }
        _ = try writer.finish()
        return path
    }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = "\(path)/\(name)"
        let file = try Files.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try Files.write(bytes, to: file, path)
        return path
    }

    /// Everything in the store but its lock, for telling whether anything was left behind.
    func leftovers() throws -> [String] {
        try ["layers", "images", "temporary"].flatMap { folder in
            try Files.names(in: "\(path)/images/\(folder)").map { "\(folder)/\($0)" }
        }
    }
}

/// A member of a test's tar.
struct Member: Sendable, CustomStringConvertible {
    var entry: TarEntry
    var content: [UInt8]

    func write(to writer: TarWriter) throws {
        var entry = entry
        if entry.kind == .file { entry.size = Int64(content.count) }
        try writer.begin(entry)
        try content.withUnsafeBytes { try writer.content($0) }
        try writer.endContent(entry.size)
    }

    var description: String { entry.path.text }

    static func file(_ path: String, _ content: String = "", mode: UInt32 = 0o644) -> Member {
        var entry = TarEntry(path: Array(path.utf8))
        entry.mode = mode
        return Member(entry: entry, content: Array(content.utf8))
    }

    static func folder(_ path: String, mode: UInt32 = 0o755) -> Member { of(.folder, path, mode: mode) }
    static func link(_ path: String, to target: String) -> Member { of(.symbolicLink, path, target) }
    static func hardLink(_ path: String, to target: String) -> Member { of(.hardLink, path, target) }

    static func of(_ kind: TarEntry.Kind, _ path: String, _ target: String = "", mode: UInt32 = 0o644) -> Member {
        var entry = TarEntry(path: Array(path.utf8))
        entry.kind = kind
        entry.mode = mode
        entry.target = Array(target.utf8)
        return Member(entry: entry, content: [])
    }

    func with(_ change: (inout TarEntry) -> Void) -> Member {
        var copy = self
        change(&copy.entry)
        return copy
    }
}

/// The images that Scripts/make-test-rootfs makes.
enum TestImages {
    static let folder = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 } + "/.build/test-images"
    static let python = folder + "/python-3.11.tar"
    static let noBash = folder + "/nobash.tar"
    static let empty = folder + "/empty.tar"
}

/// What is at a path, for comparisons: kind, permissions, owner, content.
func describe(_ path: String) -> String {
    var status = stat()
    guard lstat(path, &status) == 0 else { return "nothing" }
    let mode = String(status.st_mode & 0o7777, radix: 8)
    switch status.st_mode & S_IFMT {
    case S_IFREG: return "file \(mode) \((try? Files.read(path))??.text ?? "?")"
    case S_IFDIR: return "folder \(mode)"
    case S_IFLNK:
        var target = [CChar](repeating: 0, count: 4097)
        let count = max(0, readlink(path, &target, 4096))
        return "link " + (target.prefix(count) + [0]).map(\.self).name
    case S_IFCHR: return status.st_rdev == 0 ? "whiteout" : "device"
    case S_IFIFO: return "fifo"
    default: return "other"
    }
}
