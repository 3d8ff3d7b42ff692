/// One member of a tar, with what its extended headers say already applied.
package struct TarEntry: Equatable, Sendable {
    /// The kinds of members that a root filesystem has, and those that one may not have.
    package enum Kind: Equatable, Sendable { case file, folder, symbolicLink, hardLink, fifo, device, other(UInt8) }

    /// As written: perhaps with `./` or `/` in front and `/` behind; need not be UTF-8.
    package var path: [UInt8]
    package var kind = Kind.file
    /// Permission bits with set-id and sticky bits.
    package var mode: UInt32 = 0o644
    package var user: UInt32 = 0
    package var group: UInt32 = 0
    /// Bytes of content that follow the header.
    package var size: Int64 = 0
    /// Seconds since 1970.
    package var modified: Int64 = 0
    /// Where a link leads.
    package var target: [UInt8] = []
    /// Extended attributes.
    package var attributes: [(name: String, value: [UInt8])] = []

    package init(path: [UInt8]) { self.path = path }

    package static func == (one: Self, other: Self) -> Bool {
        one.path == other.path && one.kind == other.kind && one.mode == other.mode && one.user == other.user
            && one.group == other.group && one.size == other.size && one.modified == other.modified
            && one.target == other.target
            && one.attributes.elementsEqual(other.attributes) { $0.name == $1.name && $0.value == $1.value }
    }
}

/// The size of a tar's blocks, and how much the content of a member is padded to.
package enum TarBlock {
    package static let size = 512

    /// `count` up to the next whole block.
    package static func padded(_ count: Int64) -> Int64 { (count + 511) & ~511 }
}
