import GEM

/// A member's path, taken apart.
struct EntryPath {
    /// The names from the root on; empty for the root itself.
    let parts: [ArraySlice<UInt8>]

    /// Takes `path` apart; leading slashes and `.` mean nothing.
    ///
    /// - Throws: ``Failure`` for `..`, a NUL, and names or paths longer than Linux has.
    init(_ path: [UInt8], _ subject: String) throws(Failure) {
        let parts = path.split(separator: UInt8(ascii: "/")).filter { $0 != [0x2E] }
        let shown = String(decoding: path.prefix(200), as: UTF8.self)
        guard !path.contains(0), path.count < 4096, parts.allSatisfy({ $0.count <= 255 }) else {
            throw Failure(
                .invalidArgument, "\(subject) cannot be unpacked: the name \(shown)… is longer than Linux allows.")
        }
        guard !parts.contains([0x2E, 0x2E]) else {
            throw Failure(.invalidArgument, "\(subject) cannot be unpacked: \(shown) climbs up by '..'.")
        }
        self.parts = parts
    }

    /// The last name; `nil` for the root itself.
    var name: [UInt8]? { parts.last.map(Array.init) }

    /// The path of the folder that holds it, with a slash behind, or nothing for the root.
    var folder: [UInt8] { parts.dropLast().reduce(into: []) { $0 += $1 + [0x2F] } }
}

/// A member that stands for something removed from the layers below.
enum Whiteout: Equatable {
    /// A file or folder of this name.
    case name([UInt8])
    /// All that the layers below have in this folder.
    case everythingBelow
    /// Something that only AUFS understood.
    case marker

    /// Fails where `name` stands for a file of that name.
    init?(_ name: [UInt8]) {
        guard name.starts(with: Self.prefix) else { return nil }
        if name == Self.opaque {
            self = .everythingBelow
        } else if name.starts(with: Self.prefix + Self.prefix) {
            self = .marker
        } else {
            self = .name(Array(name.dropFirst(Self.prefix.count)))
        }
    }

    static let prefix = Array(".wh.".utf8)
    static let opaque = Array(".wh..wh..opq".utf8)
}

/// How overlayfs marks folders, and which extended attributes a layer may bring.
enum Overlay {
    static let opaque = "trusted.overlay.opaque"
    static let opaqueForUsers = "user.overlay.opaque"

    /// Whether a tar may set the attribute: a program's file capabilities, and what programs keep for themselves. Overlayfs's own
    /// attributes could make it show files from elsewhere; labels and access lists are the host's.
    static func isHarmless(attribute name: String) -> Bool {
        name == "security.capability" || (name.hasPrefix("user.") && !name.hasPrefix("user.overlay."))
    }
}
